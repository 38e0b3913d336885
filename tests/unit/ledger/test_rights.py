"""The least rights are enough for what each role does, and for nothing else."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from batches import PERSON, WAYS, Walk, asked, batch_of_two, set_aside, task
from postgres import database_with_reader
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from support import POSTGRESQL

from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.errors import WarehouseConfigurationError, WarehouseError
from airflow_provider_iyzico.ledger import command
from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.exceptions import open_exceptions
from airflow_provider_iyzico.ledger.holds import release_plain
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.persons import permit, release
from airflow_provider_iyzico.ledger.placing import Asked, Placing, Wanted, funds_version, place
from airflow_provider_iyzico.ledger.questions import events_of, may_be_set_off, named, plain_holds, to_read, unread_holders
from airflow_provider_iyzico.ledger.register import register
from airflow_provider_iyzico.ledger.rights import RIGHTS, grants
from airflow_provider_iyzico.ledger.steps import step

ACCOUNT = Account("sandbox", "main", "TRY")


@pytest.fixture
def ledger_of(postgres_url):
    """A ledger that its owner made, and the same one as a role sees it that has the printed rights and no others."""
    with database_with_reader(postgres_url, POSTGRESQL) as (owner, url):
        mine = Ledger.open(owner)
        register(mine, ACCOUNT, batch_of_two("made", "7.00"), task())

        def as_role(role, *, schema=None):
            granted = [line[3:] for line in grants("postgresql", schema) if re.search(rf" TO {role};", line)]
            with owner.begin() as connection:
                for statement in granted:
                    connection.execute(text(statement.replace(f" TO {role};", f" TO {url.username};")))
            engine = create_engine(owner.url.set(username=url.username, password=url.password), poolclass=NullPool)
            return Ledger.open(engine, create_table=False)

        yield mine, as_role


def test_tasks_that_pay_need_no_more_than_their_rights(ledger_of):
    payer = ledger_of[1]("iyzico_payer")
    for number, state in enumerate(WAYS, 1):
        Walk(payer, ACCOUNT, batch_of_two(f"b{number}", f"{number}.00")).to(*WAYS[state])
    refused = Walk(payer, ACCOUNT, batch_of_two("r", "99.00")).to(*WAYS[State.REFUSED])
    register(payer, ACCOUNT, batch_of_two("r", "98.00"), task())
    assert to_read(payer, ACCOUNT, days=1)
    assert refused.batch.external_id == "r"


def test_gates_need_no_more_than_their_rights(ledger_of):
    mine, as_role = ledger_of
    batch = Walk(mine, ACCOUNT, batch_of_two("a")).to(*WAYS[State.INITIATED]).batch
    gate = as_role("iyzico_gate")
    set_aside(gate, batch, hold_for_seconds=60)
    wanted = Wanted("other", batch_total=asked(mine, ACCOUNT).balance / 2)
    assert place(gate, ACCOUNT, wanted, asked(gate, ACCOUNT), task()).outcome is Placing.PLACED
    assert release_plain(gate, ACCOUNT, "other", task()) is not None


def test_gates_read_what_keeps_them_waiting_with_no_more_than_their_rights(ledger_of):
    mine, as_role = ledger_of
    paying = Walk(mine, ACCOUNT, batch_of_two("a")).to(*WAYS[State.AUTHORIZED])
    stopped = Walk(mine, ACCOUNT, batch_of_two("b", "1.00")).to(*WAYS[State.AUTHORIZED]).read("INSUFFICIENT_BALANCE", "QUEUED")
    stopped.batch = step(mine, stopped.batch, State.ENDED, PERSON, reason="support stopped it")
    gate = as_role("iyzico_gate")
    assert [batch.external_id for batch in may_be_set_off(gate, ACCOUNT)] == ["b"]
    assert "a" in {batch.external_id for batch in unread_holders(gate, ACCOUNT, seconds=0)}
    paying.ledger = stopped.ledger = gate
    assert paying.read("COMPLETED", "SUCCESS").batch.state is State.ENDED
    assert stopped.read("PROCESSING", "SUCCESS").batch.iyzico_status == "PROCESSING"


def test_a_gate_may_not_begin_a_batch_and_nothing_of_its_attempt_stays(ledger_of):
    mine, as_role = ledger_of
    gate = as_role("iyzico_gate")
    with pytest.raises(WarehouseError, match="permission denied for table iyzico_payout"):
        register(gate, ACCOUNT, batch_of_two("a"), task())
    assert named(mine, "a") == []


def test_a_person_with_the_command_needs_no_more_than_their_rights(ledger_of):
    mine, as_role = ledger_of
    unknown = Walk(mine, ACCOUNT, batch_of_two("a")).to(*WAYS[State.AUTH_UNKNOWN])
    held = Walk(mine, ACCOUNT, batch_of_two("b", "1.00")).to(*WAYS[State.INITIATED]).batch
    set_aside(mine, held)
    person = as_role("iyzico_person")
    permit(person, unknown.batch, PERSON, "because")
    release(person, held, PERSON, "because")
    unknown.ledger, unknown.batch = person, named(person, "a")[0]
    unknown.to(State.AUTHORIZED).read("COMPLETED", "SUCCESS")
    assert plain_holds(person) == []


def test_finance_reads_all_but_the_key_of_the_digests_and_changes_nothing(ledger_of):
    mine, as_role = ledger_of
    walk = Walk(mine, ACCOUNT, batch_of_two("a")).to(*WAYS[State.AUTHORIZED])
    reader = as_role("iyzico_reader")
    with reader.engine.connect() as connection:
        for name in RIGHTS["iyzico_reader"]:
            connection.execute(text(f"SELECT * FROM {name}"))
    assert named(reader, "a")[0].state is State.AUTHORIZED
    assert events_of(reader, walk.batch.key)
    walk.ledger = reader
    with pytest.raises(WarehouseError, match="permission denied"):
        walk.read("COMPLETED", "SUCCESS")
    with (
        reader.engine.connect() as connection,
        pytest.raises(Exception, match="permission denied for table iyzico_payout_account"),
    ):
        connection.execute(text("SELECT digest_key FROM iyzico_payout_account"))


@pytest.mark.parametrize("role", list(RIGHTS))
def test_no_role_may_change_or_delete_an_event_or_the_end_of_a_hold(role):
    for table in ("iyzico_payout_event", "iyzico_balance_hold_end"):
        assert not {"UPDATE", "DELETE"} & set(RIGHTS[role].get(table, "").split(", "))


def test_without_any_right_the_error_says_so(ledger_of):
    nobody = ledger_of[1]("nobody")
    with pytest.raises((WarehouseConfigurationError, WarehouseError), match="permission denied"):
        named(nobody, "made")


@pytest.mark.parametrize("dialect", command.PRINTED)
@pytest.mark.parametrize("schema", [None, "finance"])
def test_the_command_prints_all_that_makes_the_ledger_and_the_rights(dialect, schema, capsys):
    asked_for = ["ddl", "--dialect", dialect, *(["--schema", schema] if schema else [])]
    assert command.main(asked_for) == 0
    printed = capsys.readouterr().out
    for name in (
        "iyzico_payout_account",
        "iyzico_payout",
        "iyzico_payout_item",
        "iyzico_payout_event",
        "iyzico_balance_hold_end",
    ):
        assert re.search(rf"CREATE TABLE (\W?finance\W?\.)?{name} \(", printed), name
    assert "CREATE VIEW" in printed
    assert ("-- GRANT SELECT, INSERT ON" in printed) is (dialect != "sqlite")
    assert bool(re.search(r"finance\W?\.iyzico_payout\b", printed)) is (schema is not None)


def test_what_the_command_prints_makes_the_ledger_in_a_schema_of_its_own(postgres_url, capsys):
    with database_with_reader(postgres_url, POSTGRESQL) as (owner, url):
        assert command.main(["ddl", "--schema", "finance"]) == 0
        script = capsys.readouterr().out
        with owner.begin() as connection:
            connection.execute(text("CREATE SCHEMA finance"))
            connection.exec_driver_sql(script.replace("%", "%%"))
            for line in script.splitlines():
                if line.endswith(" TO iyzico_payer;"):
                    connection.execute(text(line[3:].replace("iyzico_payer;", f"{url.username};")))
        role = create_engine(owner.url.set(username=url.username, password=url.password), poolclass=NullPool)
        payer = Ledger.open(role, schema="finance", create_table=False)
        assert Walk(payer, ACCOUNT, batch_of_two("a")).to(*WAYS[State.ENDED]).batch.state is State.ENDED


def test_the_check_for_exceptions_needs_no_more_than_a_readers_rights(ledger_of):
    mine, as_role = ledger_of
    Walk(mine, ACCOUNT, batch_of_two("a")).to(*WAYS[State.AUTH_UNKNOWN])
    found = open_exceptions(as_role("iyzico_reader"), ACCOUNT.environment, ACCOUNT.account)
    assert found.counts == {"batch_unknown": 1}


@pytest.mark.parametrize("table", ["iyzico_balance_hold", "iyzico_payout"])
def test_a_role_from_which_policies_may_hide_rows_is_refused_because_it_would_not_see_the_holds_of_others(ledger_of, table):
    mine, as_role = ledger_of
    hold(mine, "60")
    gate = as_role("iyzico_gate")
    with mine.engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"))
        connection.execute(text(f"CREATE POLICY teams ON {table} USING (external_id LIKE 'ours%')"))
    with pytest.raises(WarehouseConfigurationError, match=f"row level security .* '{table}' .* take the same money"):
        hold(gate, "60")
    assert hold(mine, "60").outcome is Placing.SHORT  # the owner sees all rows
    with mine.engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"))
    assert hold(gate, "60").outcome is Placing.SHORT


def hold(ledger, amount):
    wanted = Wanted(f"ours-{uuid4()}" if ledger.create_table is False else f"theirs-{uuid4()}", batch_total=Decimal(amount))
    version = funds_version(ledger, ACCOUNT)
    return place(ledger, ACCOUNT, wanted, Asked(Decimal(100), datetime.now(UTC), version), task())
