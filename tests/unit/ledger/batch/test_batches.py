"""Of many who change a batch at once one goes on; and what was committed is never done twice."""

import ast
import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Barrier, Thread

import pytest
from batches import PERSON, WAYS, Walk, asked, batch_of_two, found, rows, set_aside, task
from postgres import freezing_link
from snapshots import ask
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import OperationalError

import airflow_provider_iyzico.ledger
from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.errors import (
    LedgerBatchError,
    LedgerMovedError,
    WarehouseRowError,
    WarehouseTableError,
    WarehouseUnavailableError,
)
from airflow_provider_iyzico.ledger import ledger as ledger_module
from airflow_provider_iyzico.ledger.accounts import is_of
from airflow_provider_iyzico.ledger.batches import find
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.persons import permit, release
from airflow_provider_iyzico.ledger.questions import named
from airflow_provider_iyzico.ledger.reading import record
from airflow_provider_iyzico.ledger.register import register
from airflow_provider_iyzico.ledger.steps import send
from airflow_provider_iyzico.warehouse.database.patience import Patience


def test_of_eight_threads_that_authorize_one_batch_at_once_one_goes_on(ledger, account):
    batch = Walk(ledger, account, batch_of_two("a")).to(*WAYS[State.INITIATED]).batch
    set_aside(ledger, batch)
    balance, together, sent, moved = asked(ledger, account), Barrier(8), [], []

    def authorize(number):
        together.wait()
        try:
            sent.append(send(ledger, batch, State.AUTH_SENT, task(try_number=number), timeout_seconds=30, asked=balance))
        except LedgerMovedError as error:
            moved.append(error)

    threads = [Thread(target=authorize, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (len(sent), len(moved)) == (1, 7)
    assert [row["after"] for row in rows(ledger, "event", batch.key)].count("auth_sent") == 1


CHILD = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
from batches import asked, task
from sqlalchemy import create_engine
from airflow_provider_iyzico.domain.payout import State
from airflow_provider_iyzico.errors import LedgerMovedError
from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.batches import find
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.steps import send
ledger, account = Ledger.open(create_engine(sys.argv[2])), Account("sandbox", sys.argv[3], "TRY")
batch, balance = find(ledger, account, "a"), asked(ledger, account)
print("ready", flush=True)
sys.stdin.readline()
try:
    send(ledger, batch, State.AUTH_SENT, task(), timeout_seconds=30, asked=balance)
    print("sent")
except LedgerMovedError:
    print("moved")
"""


def test_of_four_processes_that_authorize_one_batch_at_once_one_goes_on(postgres_engine, account):
    ledger = Ledger.open(postgres_engine)
    schema = ask(postgres_engine, "SELECT current_schema()")
    url = postgres_engine.url.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False)
    set_aside(ledger, Walk(ledger, account, batch_of_two("a")).to(*WAYS[State.INITIATED]).batch)
    command = [sys.executable, "-c", CHILD, json.dumps(sys.path), url, account.account]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(4)]
    assert [each.stdout.readline() for each in processes] == ["ready\n"] * 4
    for each in processes:
        each.stdin.write("\n")
        each.stdin.flush()
    said = [each.communicate(timeout=60)[0].strip() for each in processes]
    assert sorted(said) == ["moved", "moved", "moved", "sent"]


@pytest.fixture
def losing(ledger, monkeypatch):
    """The acknowledgement of the next commit is lost, once: the driver reports a line that was cut after the server had committed."""
    lost = []

    def act(idempotent_act):
        def run(connection):
            done = idempotent_act(connection)
            if not lost:
                lost.append(True)
                connection.get_transaction().commit()
                raise OperationalError("COMMIT", {}, _cut(ledger.engine))
            return done

        return kept(ledger, run)

    kept = Ledger.act
    yield lambda: monkeypatch.setattr(Ledger, "act", lambda _, idempotent_act: act(idempotent_act)) or lost
    monkeypatch.undo()


def _cut(engine):
    """What the driver raises when its line is cut."""
    return engine.dialect.dbapi.OperationalError(
        *((2013, "Lost connection") if "mysql" in engine.dialect.name else ("the line was cut",))
    )


def test_a_change_whose_acknowledgement_was_lost_is_made_once_and_returned(ledger, account, losing):
    batch = register(ledger, account, batch_of_two("a"), task())
    lost = losing()
    sent = send(ledger, batch, State.INIT_SENT, task(), timeout_seconds=30)
    assert lost == [True]
    assert (sent.state, sent.version) == (State.INIT_SENT, 2)
    assert [row["kind"] for row in rows(ledger, "event", batch.key)].count("state") == 1


def test_a_batch_whose_acknowledgement_was_lost_comes_in_once(ledger, account, losing):
    lost = losing()
    batch = register(ledger, account, batch_of_two("a"), task())
    assert lost == [True]
    assert (batch.version, len(rows(ledger, "event", batch.key)), len(rows(ledger, "item", batch.key))) == (1, 1, 2)


def test_a_read_whose_acknowledgement_was_lost_is_kept_once(ledger, account, losing):
    walk = Walk(ledger, account, batch_of_two("a")).to(*WAYS[State.AUTHORIZED])
    version = walk.batch.version
    lost = losing()
    walk.read("COMPLETED", "SUCCESS")
    assert lost == [True]
    assert (walk.batch.state, walk.batch.version) == (State.ENDED, version + 1)
    ends = ledger.act(lambda connection: connection.execute(ledger.tables.hold_end.select()).all())
    holds = {row["hold_id"] for row in rows(ledger, "hold", walk.batch.key)}
    assert len([end for end in ends if end.hold_id in holds]) == 1


def test_a_permission_and_a_release_whose_acknowledgement_was_lost_are_given_once(ledger, account, losing):
    walk = Walk(ledger, account, batch_of_two("a")).to(*WAYS[State.AUTH_UNKNOWN])
    other = Walk(ledger, account, batch_of_two("b", "1.00")).to(*WAYS[State.INITIATED]).batch
    set_aside(ledger, other)
    lost = losing()
    permit(ledger, walk.batch, PERSON, "nothing there")
    lost.clear()
    release(ledger, other, PERSON, "not today")
    assert lost == [True]
    assert [row["kind"] for row in rows(ledger, "event", walk.batch.key)].count("permit") == 1
    assert [row["kind"] for row in rows(ledger, "event", other.key)].count("hold released") == 1


def test_where_somebody_went_on_after_our_lost_commit_we_follow(ledger, account):
    """Our intent was committed, and by the time we come back the batch is elsewhere: we must send nothing."""
    batch = register(ledger, account, batch_of_two("a"), task())
    walk = Walk(ledger, account, batch_of_two("a")).to(State.INIT_SENT, State.INIT_UNKNOWN)
    with pytest.raises(LedgerMovedError):
        send(ledger, batch, State.INIT_SENT, task(), timeout_seconds=30)
    assert walk.batch.version == 3


def test_what_is_released_is_a_batch_that_was_never_sent_and_nothing_else(ledger, account):
    refused = {State.AUTH_SENT: "it is auth_sent", State.AUTH_UNKNOWN: "it is auth_unknown", State.AUTHORIZED: "it is authorized"}
    for number, (state, why) in enumerate(refused.items()):
        batch = Walk(ledger, account, batch_of_two(f"r{number}", f"{number + 1}.00")).to(*WAYS[state]).batch
        with pytest.raises(LedgerBatchError, match=f"stays set aside, because {why}"):
            release(ledger, batch, PERSON, "because")
    unanswered = Walk(ledger, account, batch_of_two("u", "7.00")).to(*WAYS[State.AUTH_UNKNOWN], State.INITIATED).batch
    with pytest.raises(LedgerBatchError, match="an authorization of it was not answered"):
        release(ledger, unanswered, PERSON, "because")
    plain = Walk(ledger, account, batch_of_two("p", "8.00")).to(*WAYS[State.INITIATED]).batch
    with pytest.raises(LedgerBatchError, match="nothing is set aside"):
        release(ledger, plain, PERSON, "because")
    set_aside(ledger, plain)
    released = release(ledger, plain, PERSON, "not today")
    assert released.version == plain.version + 1
    latest = max(rows(ledger, "event", plain.key), key=lambda row: row["version"])
    assert (latest["kind"], latest["person"], latest["reason"]) == ("hold released", "fatma", "not today")
    set_aside(ledger, released)


def test_events_and_ends_of_holds_are_only_added():
    """No line of the package updates or deletes one, whatever it is called in between."""
    folder = Path(airflow_provider_iyzico.ledger.__file__).parent
    written = {"insert": set(), "update": set(), "delete": set()}
    for path in folder.glob("*.py"):
        tree = ast.parse(path.read_text())
        names = {
            target.id: ast.unparse(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in written:
                table = ast.unparse(node.args[0])
                written[node.func.id].add((path.name, names.get(table, table)))
    changed = {table for _, table in written["update"] | written["delete"]}
    assert written["insert"]
    assert changed
    assert not [table for table in changed if "event" in table or "hold_end" in table]
    assert {table.rpartition(".")[2] for _, table in written["delete"]} <= {"item", "turn.ledger.tables.item"}


def test_a_table_without_one_of_its_columns_is_refused_by_name(sqlite_engine, account):
    ledger = Ledger.open(sqlite_engine)
    register(ledger, account, batch_of_two("a"), task())
    with sqlite_engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE iyzico_payout DROP COLUMN payments_digest")
    with pytest.raises(WarehouseTableError, match="lacks .'payments_digest'.|no such column"):
        register(Ledger.open(sqlite_engine), account, batch_of_two("b", "5.00"), task())


def test_without_the_right_to_make_tables_the_error_says_by_which_ddl(sqlite_engine, account):
    with pytest.raises(WarehouseTableError, match="create_table is False.*(?s:.*)CREATE TABLE iyzico_payout_account"):
        register(Ledger.open(sqlite_engine, create_table=False), account, batch_of_two("a"), task())


def test_a_locked_database_is_safe_to_try_again_and_nothing_is_half_written(sqlite_engine, account, monkeypatch):
    ledger = Ledger.open(sqlite_engine)
    batch = register(ledger, account, batch_of_two("a"), task())
    monkeypatch.setattr(ledger_module, "PATIENCE", Patience(2, 1, 2, 3))
    with sqlite_engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(WarehouseUnavailableError):
            send(ledger, batch, State.INIT_SENT, task(), timeout_seconds=30)
    assert find(ledger, account, "a").version == 1


def test_a_row_that_another_session_locks_is_safe_to_try_again(postgres_engine, account, monkeypatch):
    ledger = Ledger.open(postgres_engine)
    batch = register(ledger, account, batch_of_two("a"), task())
    monkeypatch.setattr(ledger_module, "PATIENCE", Patience(2, 1, 2, 5))
    with postgres_engine.connect() as other:
        other.execute(text("SELECT * FROM iyzico_payout_account FOR UPDATE"))
        with pytest.raises(WarehouseUnavailableError):
            send(ledger, batch, State.INIT_SENT, task(), timeout_seconds=30)
    assert find(ledger, account, "a").version == 1


def test_where_a_ledger_falls_silent_in_a_commit_one_intent_is_written_at_most(
    postgres_url, postgres_engine, account, monkeypatch
):
    """The line freezes. The server may have the commit, get it later or never; the next who comes writes it, or is refused."""
    ledger = Ledger.open(postgres_engine)
    batch = register(ledger, account, batch_of_two("a"), task())
    monkeypatch.setattr(ledger_module, "PATIENCE", Patience(2, 1, 2, 3))
    url = postgres_engine.url
    schema = ask(postgres_engine, "SELECT current_schema()")
    with freezing_link(url.host, url.port) as (port, frozen):
        slow = create_engine(url.set(port=port), connect_args={"options": f"-csearch_path={schema}"})

        @event.listens_for(slow, "commit")
        def freeze(_connection):
            frozen.set()

        with pytest.raises(WarehouseUnavailableError):
            send(Ledger.open(slow), batch, State.INIT_SENT, task(), timeout_seconds=30)
        slow.dispose()
    with suppress(LedgerMovedError):
        send(ledger, batch, State.INIT_SENT, task(), timeout_seconds=30)
    now = find(ledger, account, "a")
    assert (now.state, now.version) == (State.INIT_SENT, 2)
    assert [row["after"] for row in rows(ledger, "event", batch.key)].count("init_sent") == 1


def test_a_batch_of_three_thousand_items_is_read_back_in_a_few_statements(account, postgres_engine):
    ledger, sent = Ledger.open(postgres_engine), batch_of_two("many", *["1.00"] * 3_000)
    walk = Walk(ledger, account, sent).to(*WAYS[State.AUTHORIZED])
    statements = []
    event.listen(postgres_engine, "before_cursor_execute", lambda *run: statements.append(run[2]))
    batch = record(ledger, walk.batch, found(walk.batch, sent, "COMPLETED", "SUCCESS"), task(), settling_seconds=0)
    assert batch.state is State.ENDED
    assert len(statements) < 40


def test_a_ledger_that_lost_a_batch_says_so(ledger, account):
    batch = Walk(ledger, account, batch_of_two("a")).batch
    ledger.act(
        lambda connection: connection.execute(
            ledger.tables.payout.delete().where(ledger.tables.payout.c.account == account.account)
        )
    )
    with pytest.raises(LedgerBatchError, match="the ledger no longer has .* restored from an older copy"):
        send(ledger, batch, State.INIT_SENT, task(), timeout_seconds=30)


def test_a_state_written_by_hand_that_is_none_is_named_with_its_batch(ledger, account):
    Walk(ledger, account, batch_of_two("a")).to(*WAYS[State.INITIATED])
    payout = ledger.tables.payout

    def write(state):
        ledger.act(lambda connection: connection.execute(payout.update().where(is_of(payout, account)).values(state=state)))

    write("canceled")
    try:
        for act in (lambda: find(ledger, account, "a"), lambda: named(ledger, account=account.account)):
            with pytest.raises(WarehouseRowError) as caught:
                act()
            assert str(caught.value).startswith("table 'iyzico_payout' holds 'canceled' in column 'state' of the row with ")
            assert str(caught.value).endswith(
                f"account {account.account}, external_id a, which is no state of a batch; correct that row"
            )
    finally:
        write("initiated")
    assert find(ledger, account, "a").state is State.INITIATED
