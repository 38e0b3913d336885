"""MassPayoutInitOperator: payments are checked, handed over once, and nobody is paid yet."""

import io
import itertools
import json
import logging
import os
import threading
import traceback
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, AirflowNotFoundException, Asset
from batches import NAME
from needs import MARIADB_CLIENT
from payers import BATCH, IBANS, payments
from payout_tasks import PERSONAL, Events, authorize, calls, context, init, reconcile, rows, state
from sqlalchemy import create_engine, text
from support import POSTGRESQL, connect

from airflow_provider_iyzico.bridge.storage import shown_path
from airflow_provider_iyzico.errors import (
    IyzicoConfigurationError,
    IyzicoError,
    IyzicoMoneyError,
    IyzicoUnavailableError,
    PaymentsError,
    Retry,
    WarehouseConfigurationError,
)
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.operators import payment_rows
from airflow_provider_iyzico.operators.mass_payout import MassPayoutInitOperator

RESULT = ["external_id", "request_id", "state", "currency", "items", "total", "invalid_items", "commission", "required"]


def fails(match, kind=AirflowFailException, **parameters):
    with pytest.raises(kind, match=match) as caught:
        init(**parameters)
    shown = "".join(traceback.format_exception(caught.value))  # with its causes, as a log shows it
    for secret in (*PERSONAL, "SECRET"):
        assert secret not in shown
    return str(caught.value)


def test_the_result_says_what_the_batch_comes_to_in_texts_and_counts(bank):
    told = init()
    assert list(told) == RESULT
    assert told == {
        "external_id": BATCH,
        "request_id": bank.payouts[0]["request_id"],
        "state": "initiated",
        "currency": "TRY",
        "items": 3,
        "total": "301.50",
        "invalid_items": 0,
        "commission": "7.50",
        "required": "309.00",
    }
    assert json.loads(json.dumps(told)) == told
    assert calls(bank, "auth") == 0


def test_a_retry_and_a_clear_hand_nothing_over_again_and_return_the_same(bank):
    first = init()
    assert init(context("start", try_number=2)) == first
    assert calls(bank, "init") == 1


def test_after_the_payout_a_clear_of_the_same_run_is_green_and_another_run_fails(bank, sqlite_warehouse):
    init()
    authorize()
    assert init()["state"] == "ended"
    with pytest.raises(AirflowFailException, match="ended at .*Put the day or the month, with the year, into external_id"):
        init(context("start", run_id="manual__2"))
    assert (calls(bank, "init"), state(sqlite_warehouse)) == (1, "ended")


def test_nothing_personal_is_in_results_logs_or_the_ledger(bank, sqlite_warehouse, caplog):
    caplog.set_level(logging.DEBUG)
    bank.set(fates={"item-1": "invalid"})
    told = init(on_invalid="drop")
    written = repr(told) + caplog.text + repr(rows(sqlite_warehouse, "SELECT * FROM iyzico_payout_item"))
    for name in ("iyzico_payout", "iyzico_payout_event"):
        written += repr(rows(sqlite_warehouse, f"SELECT * FROM {name}"))
    assert [personal for personal in PERSONAL if personal in written] == []


def test_invalid_items_cancel_the_batch_and_fail_naming_them(bank, sqlite_warehouse):
    bank.set(fates={"item-1": "invalid"})
    said = fails("PaymentsError: iyzico would not pay 1 of 3 items.*'item-1' .*The batch is cancelled")
    assert "item-0" not in said
    assert state(sqlite_warehouse) == "cancelled"
    assert calls(bank, "cancel") == 1
    fails("was cancelled at .*use another external_id")


def test_a_batch_with_invalid_items_that_iyzico_does_not_cancel_says_so_and_holds_nothing(bank, sqlite_warehouse):
    bank.set(fates={"item-1": "invalid"})
    bank.fail("failure", on="cancel", code="11")
    fails("could not be cancelled .*holds nothing, and nobody is paid.*use another external_id")
    assert state(sqlite_warehouse) == "initiated"
    assert rows(sqlite_warehouse, "SELECT count(*) FROM iyzico_balance_hold") == [(0,)]
    fails("use another external_id")


def test_a_batch_that_was_given_up_is_not_authorized_by_a_task_that_runs_all_the_same_unless_a_later_run_goes_on(
    bank, sqlite_warehouse
):
    """Its payments, corrected, may have been made under another name, as the error says."""
    bank.set(fates={"item-1": "invalid"})
    bank.fail("failure", on="cancel", code="11")
    for _ in range(2):
        fails("could not be cancelled .*nobody is paid")
        with pytest.raises(AirflowFailException, match="was given up, because iyzico would not pay some of its items"):
            authorize()
    assert (calls(bank, "auth"), state(sqlite_warehouse)) == (0, "initiated")
    kinds = rows(sqlite_warehouse, "SELECT count(*) FROM iyzico_payout_event WHERE kind = 'given up'")
    assert kinds == [(1,)]
    assert init(on_invalid="drop")["state"] == "initiated"
    assert authorize()["paid_items"] == 2


def test_an_item_that_was_left_out_is_not_paid_because_iyzico_calls_it_valid_by_now(bank, monkeypatch):
    """Its author was told that the batch goes on without it, and may have paid it by another batch."""
    bank.set(fates={"item-1": "invalid"})
    assert init(on_invalid="drop")["invalid_items"] == 1
    show = IyzicoHook.retrieve_mass_payout

    def healed(hook, **asked):
        found = show(hook, **asked)
        valid = {"status": "INIT", "commission_amount": Decimal("2.50")}
        items = [replace(item, **valid) if item.status == "INVALID" else item for item in found.items]
        return replace(found, items=tuple(items))

    monkeypatch.setattr(IyzicoHook, "retrieve_mass_payout", healed)
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="called items of .* invalid, and would pay them now"):
            authorize()
    assert calls(bank, "auth") == 0
    assert (init(on_invalid="drop")["invalid_items"], init(on_invalid="drop")["total"]) == (0, "301.50")
    sent = []
    monkeypatch.setattr(IyzicoHook, "authorize_mass_payout", lambda hook, request_id, **options: sent.append(request_id) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        authorize()
    assert len(sent) == 1, "its author has been told"


def test_a_batch_that_somebody_authorizes_while_its_task_cancels_it_is_not_said_to_pay_nobody(
    bank, sqlite_warehouse, monkeypatch
):
    bank.set(fates={"item-1": "invalid"})
    send = IyzicoHook.cancel_mass_payout

    def late(hook, request_id, **options):
        bank.panel.authorize(BATCH)
        return send(hook, request_id, **options)

    monkeypatch.setattr(IyzicoHook, "cancel_mass_payout", late)
    said = fails("would not pay 1 of 3 items.*could not be cancelled, and is authorized .*iyzico may pay its other items")
    assert "nobody is paid" not in said


def test_a_batch_that_somebody_authorized_before_its_invalid_items_cancelled_it_fails_naming_them(bank, sqlite_warehouse):
    bank.set(fates={"item-1": "invalid"})
    bank.fail("failure", on="cancel", code="11")
    fails("could not be cancelled")
    bank.panel.authorize(BATCH)
    assert "item-0" not in fails("would not pay some items.*'item-1' .*Somebody authorized the batch")
    assert state(sqlite_warehouse) == "authorized"
    assert init(on_invalid="drop")["state"] == "authorized"


def test_with_drop_the_batch_goes_on_without_its_invalid_items_and_says_so(bank, monkeypatch, caplog):
    monkeypatch.setattr(MassPayoutInitOperator, "log", logging.getLogger("task"))
    bank.set(fates={"item-1": "invalid"})
    told = init(on_invalid="drop")
    assert (told["items"], told["invalid_items"], told["total"], told["required"]) == (3, 1, "201.00", "206.00")
    assert "goes on without 1 items: 'item-1'" in caplog.text


def test_a_batch_of_invalid_items_only_is_cancelled_whatever_was_asked_for(bank, sqlite_warehouse):
    bank.set(fates={f"item-{number}": "invalid" for number in range(3)})
    fails("would not pay 3 of 3 items.*The batch is cancelled", on_invalid="drop")
    assert state(sqlite_warehouse) == "cancelled"


def test_where_iyzico_names_no_commission_the_author_must(bank):
    bank.set(commission_shown="absent_until_paid")
    fails("does not say what an item costs; give commission_bound")
    assert init(commission_bound="3.00")["required"] == "310.50"
    assert init(commission_bound="0")["required"] == "301.50"
    assert calls(bank, "init") == 1


def test_all_bad_payments_are_named_at_once_before_anything_is_sent(bank):
    bad = [
        {**payments()[0], "recipient_info": "TR340006100519786457841326"},
        {**payments()[1], "amount": 100.5},
        {**payments()[2], "amount": "1.005"},
    ]
    said = fails("PaymentsError", payments=bad)
    assert all(f"item-{number}" in said for number in range(3))
    assert bank.seen == []


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"max_items": 2}, "max_items is 2"),
        ({"max_total": "301.49"}, r"max_total is 301\.49"),
        ({"payments": []}, "there is nobody to pay"),
        ({"payments": [{**payments()[0], "currency": "USD"}]}, "currency"),
    ],
)
def test_what_cannot_be_paid_is_said_before_anything_is_sent(bank, parameters, match):
    fails(match, **parameters)
    assert bank.seen == []


def test_the_same_name_with_other_payments_is_refused(bank):
    init()
    fails("with other payments", payments=payments(2))
    assert calls(bank, "init") == 1


def test_what_may_pass_is_left_to_airflows_retries(bank, sqlite_warehouse):
    bank.fail("503", on="retrieve")
    with pytest.raises(IyzicoUnavailableError):
        init()
    bank.heal()
    assert init()["state"] == "initiated"


@pytest.mark.parametrize("lacking", [{"can_pay": False}, {"account": None}, {"currency": None}])
def test_a_connection_that_may_not_pay_is_refused_before_anything_is_read_or_sent(bank, monkeypatch, lacking):
    connect(monkeypatch, bank, **{"can_pay": True, "currency": "TRY", **lacking})
    fails(f"may not pay: its extra lacks {next(iter(lacking))}")
    assert bank.seen == []


def test_tables_are_not_made_against_the_owners_will(bank):
    fails("CREATE TABLE iyzico_", create_table=False)
    assert bank.seen == []


AT_PARSING = [
    ({"external_id": ""}, "external_id"),
    ({"external_id": "maaş"}, "external_id"),
    ({"payments": None}, "payments are given by nothing; give exactly one"),
    ({"payments_path": "/a.csv"}, "payments are given by payments, payments_path"),
    ({"payments": None, "payments_sql": "SELECT 1"}, "payments_sql with payments_conn_id"),
    ({"payments_conn_id": "hr"}, "payments_sql with payments_conn_id"),
    ({"payments": None, "payments_sql": "SELECT 1", "payments_conn_id": "{{ x }}"}, "payments_conn_id"),
    ({"on_invalid": "skip"}, "on_invalid is 'skip'; use one of fail, drop"),
    ({"purpose": "MAAS"}, "purpose is 'MAAS'; use one of SALARY"),
    ({"commission_bound": 2.5}, "commission_bound is the float 2.5"),
    ({"max_total": "1,5"}, "max_total"),
    ({"max_total": "{{ params.most }}"}, "max_total is .*no template"),
    ({"commission_bound": "{{ params.commission }}"}, "commission_bound is .*no template"),
    ({"max_items": 0}, "max_items is 0"),
    ({"max_items": True}, "max_items is True"),
    ({"grace_seconds": -1}, "grace_seconds is -1; give seconds: zero or more"),
    ({"grace_seconds": float("nan")}, "grace_seconds is nan"),
    ({"ledger_conn_id": None}, "ledger_conn_id"),
    ({"iyzico_conn_id": ""}, "iyzico_conn_id"),
    ({"ledger_schema": "a.b"}, "ledger_schema"),
]


@pytest.mark.parametrize(("parameters", "match"), AT_PARSING, ids=lambda value: str(value)[:40])
def test_wrong_parameters_are_refused_when_the_dag_file_is_parsed(parameters, match):
    given = {"task_id": "start", "external_id": BATCH, "payments": []} | parameters
    with pytest.raises((IyzicoConfigurationError, IyzicoMoneyError, WarehouseConfigurationError), match=match):
        MassPayoutInitOperator(**given)


@pytest.mark.parametrize(("parameters", "match"), AT_PARSING[:3] + AT_PARSING[7:10], ids=lambda value: str(value)[:40])
def test_a_mapped_task_refuses_the_same_when_it_runs(bank, parameters, match):
    operator = MassPayoutInitOperator(task_id="start", external_id=BATCH, payments=payments())
    for name, value in parameters.items():
        setattr(operator, name, value)
    with pytest.raises(AirflowFailException, match=match):
        operator.execute(context())
    assert bank.seen == []


@pytest.mark.parametrize("limit", ["max_items", "max_total"])
def test_a_mapped_task_whose_limit_another_task_left_empty_hands_over_nothing(bank, limit):
    given = {"external_id": BATCH, "payments": payments(), limit: None}
    with pytest.raises(AirflowFailException, match=f"{limit} is None; did the upstream task return nothing"):
        MassPayoutInitOperator(task_id="start", **given, _airflow_from_mapped=True).execute(context())
    assert bank.seen == []


def test_templates_are_not_read_before_they_are_rendered():
    operator = MassPayoutInitOperator(
        task_id="start", external_id="salaries-{{ ds }}", payments="{{ params.payments }}", purpose="{{ params.purpose }}"
    )
    assert set(operator.template_fields) == {"external_id", "payments", "payments_sql", "payments_path", "purpose"}


@pytest.mark.parametrize("rendered", ["", None, "None"])
def test_a_purpose_that_renders_to_nothing_is_named(bank, rendered):
    operator = MassPayoutInitOperator(task_id="start", external_id=BATCH, payments=payments(), purpose="{{ x }}")
    operator.purpose = rendered
    with pytest.raises(AirflowFailException, match=f"purpose is {rendered!r}; use one of SALARY"):
        operator.execute(context())
    assert bank.seen == []


def test_a_template_that_renders_to_nothing_is_named(bank):
    operator = MassPayoutInitOperator(task_id="start", external_id="{{ x }}", payments=payments())
    operator.external_id = "None"
    with pytest.raises(AirflowFailException, match="external_id is 'None'; is the name in a template misspelled"):
        operator.execute(context())


# where payments come from

QUERY = "SELECT id AS item_external_id, kind AS recipient_type, iban AS recipient_info, name AS recipient_name, amount, note AS description FROM payroll"


def payroll(url, amount="TEXT", rows_of=None):
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS payroll"))
        connection.execute(
            text(
                f"CREATE TABLE payroll (id VARCHAR(64), kind VARCHAR(20), iban VARCHAR(40), name VARCHAR(80), amount {amount}, "
                "note VARCHAR(80))"
            )
        )
        for row in rows_of or payments():
            connection.execute(
                text(
                    "INSERT INTO payroll VALUES (:item_external_id, :recipient_type, :recipient_info, :recipient_name, :amount, "
                    ":description)"
                ),
                row,
            )
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def hr(request, tmp_path, monkeypatch):
    """The Connection of the payroll, and its URL."""
    if request.param == "sqlite":
        monkeypatch.setenv("AIRFLOW_CONN_HR", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/hr.db"}))
        return f"sqlite:///{tmp_path}/hr.db"
    url = request.getfixturevalue("postgres_url")
    monkeypatch.setenv("AIRFLOW_CONN_HR", url)
    return url.replace("postgresql", POSTGRESQL)


def from_sql(query=QUERY, **more):
    return init(payments_sql=query, payments_conn_id="hr", **more)


def test_a_query_gives_the_payments_to_the_last_digit(bank, hr):
    payroll(hr, "VARCHAR(20)")
    assert from_sql()["total"] == "301.50"
    assert {item["amount"] for item in bank.payouts[0]["items"]} == {"100.50"}


def test_a_decimal_column_of_postgresql_is_exact(bank, postgres_url, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_HR", postgres_url)
    payroll(
        postgres_url.replace("postgresql", POSTGRESQL),
        "NUMERIC(12, 4)",
        [{**row, "amount": Decimal("100.50")} for row in payments()],
    )
    assert from_sql()["total"] == "301.50"


def test_a_percent_sign_in_a_query_is_a_percent_sign(bank, hr):
    payroll(hr, "VARCHAR(20)")
    assert from_sql(f"{QUERY} WHERE id LIKE 'item-%' AND '%s' = '%s' AND ':x' <> '%(x)s'")["items"] == 3


def test_names_of_columns_may_be_in_capitals(bank, tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_HR", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/hr.db"}))
    payroll(f"sqlite:///{tmp_path}/hr.db")
    query = QUERY.replace("item_external_id", '"ITEM_EXTERNAL_ID"').replace("amount", 'amount AS "AMOUNT"')
    assert from_sql(query)["items"] == 3


def test_a_query_that_gives_a_column_twice_is_refused_because_nobody_says_which_one_counts(bank, hr):
    payroll(hr, "VARCHAR(20)")
    with pytest.raises(AirflowFailException, match="the query of payments_sql .*'hr' gives a column twice: amount"):
        from_sql(QUERY.replace(" FROM", ", '9.99' AS amount, 1 AS more, 2 AS more FROM"))
    assert bank.seen == []


def test_a_query_that_can_never_run_is_not_tried_again(bank, hr):
    payroll(hr, "VARCHAR(20)")
    for query, said in ((QUERY.replace("payroll", "no_such_table"), "no_such_table"), ("SELEKT 1", "SELEKT")):
        with pytest.raises(AirflowFailException, match=f"the query of payments_sql failed over Connection 'hr': .*{said}"):
            from_sql(query)
    assert bank.seen == []


@pytest.mark.parametrize(
    "given", [5000.0, True, "abc", b"x", {"item_external_id": "1"}, object()], ids=lambda given: type(given).__name__
)
def test_payments_that_are_no_list_are_refused_when_the_dag_file_is_parsed(given):
    with pytest.raises(IyzicoConfigurationError, match="payments is not a list of dicts; if it is a template"):
        MassPayoutInitOperator(task_id="start", external_id="a", payments=given)


def test_a_row_that_sqlite_cannot_read_is_not_quoted(bank, tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_HR", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/hr.db"}))
    payroll(f"sqlite:///{tmp_path}/hr.db")
    in_latin5 = f"CAST(x'{NAME.encode('iso-8859-9').hex()}' AS TEXT) AS recipient_name"
    with pytest.raises(
        AirflowFailException, match="a row of payments_sql cannot be read over Connection 'hr': OperationalError"
    ) as caught:
        from_sql(QUERY.replace("name AS recipient_name", in_latin5))
    assert NAME.split()[1][1:] not in str(caught.value)
    assert bank.seen == []


def test_a_column_of_floats_is_refused_with_advice(bank, hr):
    payroll(hr, "DOUBLE PRECISION", [{**row, "amount": 100.5} for row in payments()])
    with pytest.raises(
        AirflowFailException, match="'item-0': its amount is a float, which is not exact; give digits as text"
    ) as caught:
        from_sql()
    assert "CAST(amount AS DECIMAL(20, 2))" in str(caught.value)
    assert bank.seen == []
    kind = "TEXT" if "sqlite" in hr else "DECIMAL(20, 2)"
    assert from_sql(QUERY.replace("amount,", f"CAST(amount AS {kind}) AS amount,"))["total"] == "301.50"


def test_more_columns_than_a_payment_has_do_no_harm_and_a_missing_one_is_named(bank, hr):
    payroll(hr, "VARCHAR(20)")
    with pytest.raises(AirflowFailException, match="lacks description"):
        from_sql(QUERY.replace("note AS description", "note AS remark"))
    assert from_sql(QUERY.replace(" FROM", ", 1 AS more FROM"))["items"] == 3


def test_a_query_that_cannot_be_run_is_told_with_the_drivers_words(bank, hr):
    with pytest.raises(AirflowFailException, match="over Connection 'hr'.*no_such_table"):
        from_sql("SELECT * FROM no_such_table")
    assert bank.seen == []


def test_a_query_that_fails_on_a_row_does_not_quote_it(bank, postgres_url, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_HR", postgres_url)
    payroll(postgres_url.replace("postgresql", POSTGRESQL), "VARCHAR(20)")
    with pytest.raises(AirflowFailException, match="InvalidTextRepresentation") as caught:
        from_sql(QUERY.replace("amount,", "CAST(iban AS integer) AS amount,"))
    seen, error = "", caught.value
    while error is not None:
        seen, error = seen + str(error), error.__cause__
    assert not any(iban in seen for iban in IBANS)


NEVER_ENDS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS amount FROM n",
    "postgresql": "SELECT pg_sleep(600)",
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # psycopg's cursor of a line that was cut
def test_a_query_that_does_not_end_is_ended_and_may_be_tried_again(bank, hr, monkeypatch):
    bounds = replace(payment_rows.PAYMENTS, whole_seconds=5)
    monkeypatch.setattr(payment_rows, "PAYMENTS", bounds)
    with pytest.raises(PaymentsError, match="payments_sql over Connection 'hr' took longer than 5 s") as caught:
        from_sql(NEVER_ENDS[hr.partition("+")[0].partition(":")[0]])
    assert caught.value.retry is Retry.SAFE
    assert bank.seen == []


def test_a_query_runs_on_mariadb_as_it_does_over_its_connection_elsewhere(bank, mariadb_engine, monkeypatch):
    """In the server's own time zone and mode: CURDATE() decides which payments are due."""
    pytest.importorskip("MySQLdb", reason=f"apache-airflow-providers-mysql is not here; {MARIADB_CLIENT}")
    url = mariadb_engine.url
    where = {"conn_type": "mysql", "host": url.host, "port": url.port, "login": url.username, "schema": url.database}
    monkeypatch.setenv("AIRFLOW_CONN_HR", json.dumps(where))
    with mariadb_engine.begin() as connection:
        before = connection.execute(text("SELECT @@global.time_zone, @@global.sql_mode")).one()
        connection.execute(text("SET GLOBAL time_zone = '+13:00', sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'"))
    try:
        with payment_rows.payment_rows(None, "SELECT @@time_zone AS zone, 'a' || 'b' AS joined", "hr", None) as found:
            assert list(found) == [{"zone": "+13:00", "joined": "ab"}]
    finally:
        with mariadb_engine.begin() as connection:
            connection.execute(text("SET GLOBAL time_zone = :zone, sql_mode = :mode"), {"zone": before[0], "mode": before[1]})


def test_a_payroll_connection_that_is_not_there_is_named_by_its_parameter(bank):
    with pytest.raises(AirflowFailException, match="payments_conn_id"):
        init(payments_sql="SELECT 1", payments_conn_id="nobody_has_this")


HEADER = "item_external_id,recipient_type,recipient_info,recipient_name,amount,description"


@pytest.mark.parametrize("scheme", ["", "file://"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_csv_file_is_read_where_airflows_object_storage_reads_it(bank, tmp_path, scheme, encoding, delimiter):
    path = tmp_path / "november.csv"
    lines = [HEADER, *(",".join(row.values()) for row in payments())]
    path.write_text("\n".join(lines).replace(",", delimiter), encoding=encoding)
    assert init(payments_path=f"{scheme}{path}")["total"] == "301.50"


def test_a_file_that_is_not_there_or_no_csv_is_named_without_a_row(bank, tmp_path):
    fails("cannot be read: FileNotFoundError", payments_path=str(tmp_path / "none.csv"))
    path = tmp_path / "november.csv"
    path.write_bytes(f"{HEADER}\n{','.join(payments()[0].values())}\n".encode("iso-8859-9"))
    fails("is not UTF-8", payments_path=str(path))
    assert bank.seen == []


def test_a_file_without_line_ends_is_not_read_into_memory(bank, monkeypatch):
    fails("a line of 65536 characters or more", payments_path="/dev/zero")
    asked = []

    class Zeros(io.StringIO):
        def open(self, *_, **__):
            return self

        def readline(self, size):
            asked.append(size)
            return "0" * size

    monkeypatch.setattr("airflow_provider_iyzico.bridge.storage.object_storage_path", lambda path: Zeros())
    fails("a line of 65536 characters or more", payments_path="/dev/zero")
    gone()
    assert sum(asked) < 1_000_000
    assert bank.seen == []


def gone():
    """Wait until no thread reads a file any more."""
    for thread in threading.enumerate():
        if thread.name == "iyzico-payments":
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture
def waiting_a_second(monkeypatch):
    monkeypatch.setattr(payment_rows, "PAYMENTS", replace(payment_rows.PAYMENTS, whole_seconds=1))


def test_a_pipe_that_nobody_writes_is_given_up_and_may_be_tried_again(bank, tmp_path, waiting_a_second):
    path = tmp_path / "november.csv"
    os.mkfifo(path)
    with pytest.raises(PaymentsError, match="november.csv' cannot be read: it did not end within 1 s") as caught:
        init(payments_path=str(path))
    assert caught.value.retry is Retry.SAFE
    assert bank.seen == []
    path.write_bytes(b"")  # so that its reader ends
    gone()


def test_of_a_file_that_stops_in_the_middle_no_payment_is_made(bank, monkeypatch, waiting_a_second):
    goes_on = threading.Event()
    lines = iter([f"{HEADER}\n", *(f"{','.join(row.values())}\n" for row in payments())])

    class Hung(io.StringIO):
        def open(self, *_, **__):
            return self

        def readline(self, size):
            return next(lines, None) or goes_on.wait(60) * ""

    monkeypatch.setattr("airflow_provider_iyzico.bridge.storage.object_storage_path", lambda path: Hung())
    with pytest.raises(PaymentsError, match="it did not end within 1 s"):
        init(payments_path="nfs/november.csv")
    assert bank.seen == []
    goes_on.set()
    gone()


def test_a_file_that_goes_on_without_end_is_given_up(bank, monkeypatch, waiting_a_second):
    class Endless(io.StringIO):
        def open(self, *_, **__):
            return self

        def readline(self, size):
            return HEADER + "\n" if next(lines) == 0 else "\n"

    lines = itertools.count()
    monkeypatch.setattr("airflow_provider_iyzico.bridge.storage.object_storage_path", lambda path: Endless())
    with pytest.raises(PaymentsError, match="it did not end within 1 s"):
        init(payments_path="nfs/november.csv")
    gone()


def test_a_file_that_is_refused_at_its_header_is_closed(bank, tmp_path):
    path = tmp_path / "november.csv"
    path.write_text("a,b\n" * 100_000)
    fails("unknown columns", payments_path=str(path))
    gone()


@pytest.mark.parametrize("path", ["nosuch://bucket/november.csv", "s3://bucket/november.csv", "/payroll/\0.csv"])
def test_a_path_that_no_storage_reads_is_named_and_fails_at_once(bank, path):
    assert repr(path) in fails("name a path that Airflow's object storage can read", payments_path=path)
    assert bank.seen == []


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("s3://AKIA123:ge/heim@payroll/november.csv", "s3://***@payroll/november.csv"),
        ("s3://AKIA123:geheim@payroll/november.csv", "s3://***@payroll/november.csv"),
        ("s3://aws_payroll@payroll/november.csv", "s3://aws_payroll@payroll/november.csv"),
        ("https://files.test/november.csv?X-Amz-Signature=geheim", "https://files.test/november.csv?***"),
        ("file:///none/november.csv?sig=geheim", "file:///none/november.csv?***"),
        ("/none/nov?.csv", "/none/nov?.csv"),
    ],
)
def test_a_login_or_a_signature_in_a_path_is_not_shown(path, shown):
    assert shown_path(path) == shown


def test_a_path_with_a_signature_is_named_without_it(bank):
    for path in ("file:///none/november.csv?sig=geheim", "s3://AKIA123:geheim@payroll/november.csv"):
        assert "geheim" not in fails("cannot be read", payments_path=path)


@pytest.mark.parametrize(
    ("raised", "kind", "said"),
    [
        (RuntimeError("Unable to locate credentials of SECRET"), PaymentsError, "cannot be read now: RuntimeError"),
        (AirflowNotFoundException("payroll"), AirflowFailException, "its Connection"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_storage_raises_in_its_own_way_is_told_without_its_words(bank, tmp_path, monkeypatch, raised, kind, said):
    class Storage:
        def open(self, *_, **__):
            raise raised

    monkeypatch.setattr("airflow_provider_iyzico.bridge.storage.object_storage_path", lambda path: Storage())
    fails(said, kind, payments_path="s3://bucket/november.csv")


def test_the_asset_of_an_outlet_carries_the_result(bank):
    extra = {}
    told = init(context("start", outlet_events=Events(payroll=SimpleNamespace(extra=extra))), outlets=[Asset("payroll")])
    assert extra == told


def test_links_colours_and_lineage_are_those_of_the_other_operators(bank, sqlite_warehouse):
    operator = MassPayoutInitOperator(task_id="start", external_id=BATCH, payments=payments(), grace_seconds=0.05)
    assert operator.get_openlineage_facets_on_complete(None).outputs == []
    operator.execute(context("start"))
    (dataset,) = operator.get_openlineage_facets_on_complete(None).outputs
    assert dataset.name.endswith("iyzico_payout")
    assert operator.shown_on_page()["account"] == "simulator"
    assert operator.ui_color == "#ffe7cc"


def test_it_can_be_mapped_over_names_and_files():
    with DAG("mapped", schedule=None):
        mapped = MassPayoutInitOperator.partial(task_id="start", purpose="SALARY").expand(
            external_id=["a", "b"], payments_path=["/a", "/b"]
        )
    assert mapped.operator_class is MassPayoutInitOperator


def test_a_whole_payout_keeps_its_ledger_in_postgresql(bank, postgres_url, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", postgres_url)
    init(external_id="in-postgresql")
    assert authorize(external_id="in-postgresql")["paid_items"] == 3
    assert init(external_id="in-postgresql")["state"] == "ended"
    assert reconcile()["needs_person"] == 0


def test_an_iyzico_error_is_never_an_airflow_exception_that_skips():
    assert not issubclass(IyzicoError, AirflowFailException)
