"""The command: a month in each format, read back by programs that are not ours, and what it refuses."""

import csv
import random
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from uuid import uuid4
from xml.etree import ElementTree as ET

import pytest
import time_machine
from books import Books, at
from payout_histories import History, all_rows
from rollforward_reference import Rollforward
from snapshots import ask, run
from sqlalchemy import text

from airflow_provider_iyzico.ledger.accounts import Account
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.warehouse.__main__ import main
from airflow_provider_iyzico.warehouse.statement.entries import Kind, statement_of
from airflow_provider_iyzico.warehouse.statement.read import read_figures

#: Day, kind, amount, batch and number of items of each entry of the small month.
ENTRIES = [
    ("2026-01-05", "came in", "2000.00", "", ""),
    ("2026-01-05", "payout", "-300.00", "salaries-2026-01", "2"),
    ("2026-01-05", "commission", "-3.00", "salaries-2026-01", ""),
    ("2026-01-10", "payout", "-111.00", "bonus_2026_01:second", "2"),
    ("2026-01-10", "commission", "-3.00", "bonus_2026_01:second", ""),
    ("2026-01-12", "return", "60.75", "bonus_2026_01:second", "1"),
    ("2026-01-12", "commission returned", "1.50", "bonus_2026_01:second", ""),
    ("2026-01-15", "unexplained", "-50.00", "", ""),
    ("2026-01-23", "unexplained", "-10.00", "", ""),
]
AMOUNTS = [Decimal(entry[2]) for entry in ENTRIES]
OPENING, CLOSING = Decimal("1000.00"), Decimal("2585.25")
CAMT = {"d": "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"}


@pytest.fixture
def statement(ledger, monkeypatch, capsysbinary):
    """Run the command in the database of the ledger, and return its exit code, what it wrote, and what it said."""
    engine = ledger.engine
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", engine.url.render_as_string(hide_password=False))
    schema = ["--schema", ask(engine, "SELECT current_schema()")] if engine.dialect.name == "postgresql" else []

    def ask_for(kind, *more, account="maaş", month="2026-01"):
        code = main(["statement", "--account", account, "--month", month, "--format", kind, *schema, *more])
        said = capsysbinary.readouterr()
        return code, said.out, said.err.decode()

    return ask_for


@pytest.fixture
def of_production(month, statement):
    def ask_for(kind, *more):
        code, written, said = statement(kind, "--environment", "production", *more)
        assert code == 0, said
        return written

    return ask_for


def rows_of(written, separator=","):
    return list(csv.reader(StringIO(written.decode("utf-8-sig"), newline=""), delimiter=separator))


def test_a_month_as_csv_has_one_entry_per_movement_and_adds_up_to_the_closing_balance(of_production):
    header, opening, *entries, closing = rows_of(of_production("csv"))
    assert header == ["Environment", "Account", "Currency", "Day", "Entry", "Batch", "Items", "Amount", "Balance", "Note"]
    assert [(row[3], row[4], row[7], row[5], row[6]) for row in entries] == ENTRIES
    assert opening == ["production", "maaş", "TRY", "2025-12-31", "opening balance", "", "", "", "1000.00", ""]
    assert closing[:9] == ["production", "maaş", "TRY", "2026-01-31", "closing balance", "", "", "", "2585.25"]
    balance = Decimal(opening[8])
    for row in entries:
        balance += Decimal(row[7])
        assert balance == Decimal(row[8])
    assert balance == Decimal(closing[8])


def test_what_is_unexplained_says_which_days_without_snapshots_it_covers(of_production):
    rows = rows_of(of_production("csv"))
    assert {row[3]: row[9] for row in rows if row[4] == "unexplained"} == {
        "2026-01-15": "",
        "2026-01-23": "covers 2026-01-21 to 2026-01-22, without snapshots",
    }


def test_a_turkish_csv_has_semicolons_decimal_commas_and_an_accountants_words(of_production):
    header, opening, *entries, _closing = rows_of(of_production("csv", "--language", "tr"), ";")
    assert header[3:9] == ["Gün", "Hesap hareketi", "Toplu ödeme", "Kalem sayısı", "Tutar", "Bakiye"]
    assert (opening[0], opening[8]) == ("canlı", "1000,00")
    assert entries[1][4:9] == ["ödeme", "salaries-2026-01", "2", "-300,00", "2700,00"]


def test_a_month_as_mt940_is_read_by_another_program_and_adds_up(of_production):
    mt940 = pytest.importorskip("mt940", reason="mt-940 is among the tools of development")
    written = of_production("mt940", "--language", "tr")
    found = mt940.parse(written.decode("ascii"))
    opening, closing = (found.data[f"final_{end}_balance"] for end in ("opening", "closing"))
    assert (opening.amount.amount, str(opening.date), opening.amount.currency) == (OPENING, "2025-12-31", "TRY")
    assert (closing.amount.amount, str(closing.date)) == (CLOSING, "2026-01-31")
    assert found.data["account_identification"] == "maas"
    assert [each.data["amount"].amount for each in found] == AMOUNTS
    assert sum(AMOUNTS, opening.amount.amount) == closing.amount.amount
    assert [str(each.data["date"]) for each in found] == [entry[0] for entry in ENTRIES]
    assert [str(each.data["entry_date"]) for each in found] == [entry[0] for entry in ENTRIES]
    kinds = [each.data["id"] for each in found]
    assert kinds == ["NMSC", "NTRF", "NCHG", "NTRF", "NCHG", "NRTI", "NCHG", "NMSC", "NMSC"]
    references = [each.data["customer_reference"] for each in found]
    assert references[1:4] == ["salaries-2026-01", "salaries-2026-01", "NONREF"]
    assert [each.data["bank_reference"] for each in found][:2] == ["2601-000001", "2601-000002"]
    assert found[3].data["transaction_details"] == "odeme bonus-2026-01:second, 2 odeme kalemi"
    assert found[8].data["transaction_details"].startswith("aciklanamayan fark, 2026-01-21 ile 2026-01-22")


def texts(node, path):
    return [each.text for each in node.findall(path, CAMT)]


def test_a_month_as_camt053_is_valid_and_adds_up(of_production, camt_schema):
    written = of_production("camt053")
    camt_schema.validate(written.decode())
    (body,) = ET.fromstring(written).findall("d:BkToCstmrStmt/d:Stmt", CAMT)
    signs = {"CRDT": 1, "DBIT": -1}

    def amounts(path):
        return [
            signs[mark] * Decimal(amount)
            for amount, mark in zip(texts(body, f"{path}/d:Amt"), texts(body, f"{path}/d:CdtDbtInd"), strict=True)
        ]

    assert amounts("d:Ntry") == AMOUNTS
    assert texts(body, "d:Bal/d:Tp/d:CdOrPrtry/d:Cd") == ["OPBD", "CLBD"]
    assert amounts("d:Bal") == [OPENING, CLOSING]
    assert sum(AMOUNTS, OPENING) == CLOSING
    assert amounts("d:TxsSummry/d:TtlNtries/d:TtlNetNtry") == [CLOSING - OPENING]
    assert texts(body, "d:TxsSummry/*/d:NbOfNtries") == ["9", "3", "6"]
    assert texts(body, "d:TxsSummry/*/d:Sum") == ["2539.25", "2062.25", "477.00"]
    assert texts(body, "d:Acct/d:Id/d:Othr/d:Id") == ["maaş"]
    assert texts(body, "d:Acct/d:Id/d:Othr/d:Issr") == ["iyzico production"]
    assert texts(body, "d:FrToDt/*") == ["2026-01-01T00:00:00+03:00", "2026-01-31T23:59:59+03:00"]
    assert texts(body, "d:Ntry/d:BookgDt/d:Dt") == [entry[0] for entry in ENTRIES]
    codes = ["CAME-IN", "PAYOUT", "COMMISSION", "PAYOUT", "COMMISSION", "RETURN", "COMMISSION-RETURN", *["UNEXPLAINED"] * 2]
    assert texts(body, "d:Ntry/d:BkTxCd/d:Prtry/d:Cd") == codes
    assert texts(body, "d:Ntry/d:NtryDtls/d:Btch/d:PmtInfId") == [entry[3] for entry in ENTRIES if entry[3]]
    assert texts(body, "d:Ntry/d:AddtlNtryInf")[3] == "payout bonus_2026_01:second, 2 items"


@pytest.mark.parametrize("kind", ["csv", "mt940", "camt053"])
def test_a_statement_names_no_recipient(of_production, kind):
    written = of_production(kind).decode("utf-8-sig")
    for secret in ("Ayşe", "Ayse", "Yılmaz", "TR92", "6178"):
        assert secret not in written


def test_a_person_is_told_what_the_file_says(month, statement):
    code, written, said = statement("csv", "--environment", "production")
    assert (code, said.count("\n")) == (0, 1)
    assert said.startswith(
        "production/maaş/TRY 2026-01: opening 1000.00, 9 entries, closing 2585.25, unexplained -60.00; 0 of 31 days are complete"
    )
    assert written


def refused(statement, *arguments, **named):
    code, written, said = statement(*arguments, **named)
    assert code == 2
    assert written == b""
    return said


def test_an_account_of_two_environments_wants_one_named(month, statement):
    said = refused(statement, "csv")
    assert "there are production/maaş/TRY, sandbox/maaş/TRY; say which with --environment and --currency" in said
    assert "no snapshot of */nobody/USD; there are snapshots of production/maaş/TRY," in refused(
        statement, "csv", "--currency", "USD", account="nobody"
    )


@pytest.fixture
def books(ledger, month):
    return Books(ledger, Account("production", f"şube {uuid4().hex[:8]}", "TRY"))


def test_the_first_month_of_an_account_opens_with_its_first_snapshot(books, statement):
    for moment, balance in ((at(1, 30), "5.00"), (at(1, 31), "7.00"), (at(2, 1), "8.00")):
        books.see(moment, balance)
    _code, written, _said = statement("csv", account=books.account.account)
    _header, opening, came_in, closing = rows_of(written)
    assert (opening[3], opening[8]) == ("2026-01-30", "5.00")
    assert (came_in[3], came_in[4], came_in[7]) == ("2026-01-31", "came in", "2.00")
    assert (closing[3], closing[8]) == ("2026-01-31", "7.00")
    assert "has no day in 2025-12: its first snapshot is of 2026-01-30" in refused(
        statement, "csv", account=books.account.account, month="2025-12"
    )


def test_an_account_without_days_is_refused(ledger, books, statement):
    books.see(at(1, 30), "5.00")
    run(ledger.engine, f"UPDATE iyzico_account SET first_date = '2999-01-01' WHERE account = '{books.account.account}'")
    assert "compute" in refused(statement, "csv", account=books.account.account)


def test_a_month_that_is_not_over_is_refused(books, statement):
    books.see(at(1, 30), "5.00")
    with time_machine.travel(at(1, 31, 23, 59), tick=False):
        said = refused(statement, "csv", account=books.account.account)
    assert "2026-01 is not over" in said
    assert "it ends at 2026-01-31 21:00 UTC; ask again after that" in said


def test_a_month_that_nothing_was_seen_after_is_refused(ledger, month, statement):
    """In an environment of its own: the newest snapshot counts for all accounts of one."""
    books = Books(ledger, Account("test", "last", "TRY"))
    books.see(at(3, 30), "5.00")
    said = refused(statement, "csv", account="last", month="2026-03")
    assert "no test snapshot since 2026-03 ended, so its last days may be missing; record one, and ask again" in said
    books.see(at(4, 1), "5.00")
    code, written, said = statement("csv", account="last", month="2026-03")
    assert code == 0
    assert rows_of(written)[-1][3:] == [
        *("2026-03-31", "closing balance", "", "", "", "5.00"),
        "last snapshot of the month on 2026-03-30; 0 of 2 days are complete",
    ]


def test_a_payout_after_the_last_snapshot_of_a_month_is_in_the_next_month(books, statement):
    books.see(at(1, 28), "1000.00")
    books.became(books.authorized(at(1, 30, 10), "late", "1000.00", "100.00"), at(1, 30, 11), "SUCCESS")
    books.see(at(2, 1), "898.50")
    books.see(at(3, 1), "898.50")
    january, february = (
        rows_of(statement("csv", account=books.account.account, month=month)[1]) for month in ("2026-01", "2026-02")
    )
    assert [row[3:5] + row[8:9] for row in january[1:]] == [
        ["2026-01-28", "opening balance", "1000.00"],
        ["2026-01-31", "closing balance", "1000.00"],
    ]
    assert [row[3:5] + row[8:9] for row in february[1:]] == [
        ["2026-01-31", "opening balance", "1000.00"],
        ["2026-02-01", "payout", "900.00"],
        ["2026-02-01", "commission", "898.50"],
        ["2026-02-28", "closing balance", "898.50"],
    ]


def test_a_month_without_a_snapshot_is_refused(books, statement):
    books.see(at(1, 28), "1000.00")
    books.see(at(3, 1), "1000.00")
    assert "has no snapshot in 2026-02" in refused(statement, "csv", account=books.account.account, month="2026-02")


@pytest.mark.parametrize("kind", ["mt940", "camt053"])
def test_a_thousandth_is_refused_where_there_are_two_decimals_and_kept_in_csv(books, statement, kind):
    for moment, balance in ((at(1, 30), "5.00"), (at(1, 31), "5.125"), (at(2, 1), "8.00")):
        books.see(moment, balance)
    said = refused(statement, kind, account=books.account.account)
    assert "on 2026-01-31 is 0.125" in said
    assert "nothing is rounded" in said
    _code, written, _said = statement("csv", account=books.account.account)
    assert [row[7] for row in rows_of(written)[2:3]] == ["0.125"]


def test_a_balance_below_zero_is_a_debit(books, statement):
    for moment, balance in ((at(1, 30), "-5.00"), (at(1, 31), "-7.00"), (at(2, 1), "8.00")):
        books.see(moment, balance)
    _code, written, _said = statement("mt940", account=books.account.account)
    assert b":60F:D260130TRY5,00\r\n" in written
    assert b":62F:D260131TRY7,00\r\n" in written


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "november", "2026-11-01", "1026-11"])
def test_a_month_is_written_with_year_and_month(month, statement):
    assert f"--month is '{month}'; write it like 2026-11" in refused(statement, "csv", month=month)


def test_a_database_without_the_views_says_how_they_are_made(sqlite_engine, monkeypatch, capsysbinary):
    run(sqlite_engine, "CREATE TABLE mine (one INTEGER)")
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", str(sqlite_engine.url))
    assert main(["statement", "--account", "a", "--month", "2026-01", "--format", "csv"]) == 2
    said = capsysbinary.readouterr().err.decode()
    assert "iyzico_balance_rollforward" in said
    assert "ledger ddl --rollforward" in said


def test_a_database_without_reports_is_named(monkeypatch, capsysbinary):
    monkeypatch.setattr("airflow_provider_iyzico.warehouse.statement.read.KEPT", ("postgresql", "sqlite"))
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", "mysql+pymysql://someone@127.0.0.1/w")
    assert main(["statement", "--account", "a", "--month", "2026-01", "--format", "csv"]) == 2
    assert b"statements are made on postgresql, sqlite" in capsysbinary.readouterr().err


def test_generated_months_say_what_the_second_computation_says(ledger, month):
    """A month of payouts with returns, late items and days without snapshots; balances that have nothing to do with them."""
    account, dice, seen = Account("production", "generated", "TRY"), random.Random(5), []
    books = Books(ledger, account)
    for day in [date(2026, 1, 31)] + [date(2026, 2, number) for number in range(1, 29)] + [date(2026, 3, 1)]:
        for hour in (5, 15) if day.day not in (10, 17, 18) else ():
            moment = datetime(day.year, day.month, day.day, hour, dice.randrange(60), tzinfo=UTC)
            balance = f"{dice.randrange(90_000_000, 99_000_000) / 100:.2f}"
            books.see(moment, balance)
            seen.append({"environment": "production", "account": "generated", "currency": "TRY"}
                        | {"balance": Decimal(balance), "observed_at": moment})  # fmt: skip
    with time_machine.travel(datetime(2026, 2, 27, tzinfo=UTC)):
        History(ledger, account, seed=5, batches=8)
    expected = Rollforward(seen, all_rows(ledger), datetime.now(UTC)).months()["production", "generated", "TRY", "2026-02"]
    found = statement_of(read_figures(ledger.engine, None, "2026-02", "generated"))
    assert (found.opening, found.closing, found.unexplained) == tuple(
        expected[name] for name in ("opening", "closing", "unexplained")
    )
    assert sum((entry.amount for entry in found.entries), found.opening) == found.closing
    for kind, name in ((Kind.PAYOUT, "left_total"), (Kind.RETURN, "returned_total"), (Kind.CAME_IN, "came_in")):
        assert abs(sum(entry.amount for entry in found.entries if entry.kind is kind)) == expected[name] != 0, name
    assert found.under_way == expected["under_way"]


def test_a_row_by_hand_is_named_as_one(sqlite_engine, monkeypatch, capsysbinary):
    ledger = Ledger.open(sqlite_engine)
    books = Books(ledger, Account("production", "a", "TRY"))
    books.see(at(1, 30), "5.00")
    books.see(at(2, 1), "5.00")
    Ledger.open(sqlite_engine).act(lambda connection: connection.execute(text("UPDATE iyzico_balance_day SET closing = 'five'")))
    monkeypatch.setenv("IYZICO_WAREHOUSE_URL", str(sqlite_engine.url))
    assert main(["statement", "--account", "a", "--month", "2026-01", "--format", "csv"]) == 2
    said = capsysbinary.readouterr()
    assert said.out == b""
    assert b"by hand" in said.err
