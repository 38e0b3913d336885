"""What the formats can hold: other letters are transliterated or escaped, and what does not fit is refused."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from airflow_provider_iyzico.errors import WarehouseStatementError
from airflow_provider_iyzico.warehouse.statement.camt053 import as_camt053
from airflow_provider_iyzico.warehouse.statement.csv_file import as_csv
from airflow_provider_iyzico.warehouse.statement.entries import Entry, Kind, Statement
from airflow_provider_iyzico.warehouse.statement.figures import Whose
from airflow_provider_iyzico.warehouse.statement.mt940 import as_mt940, swift

NOW = datetime(2026, 3, 1, 9, 30, 0, 123, tzinfo=UTC)
#: The letters of SWIFT's character set x.
SWIFT = re.compile(r"[A-Za-z0-9/\-?:().,'+ ]*\Z")


def made(account="payroll", external_id="salaries", amount="-300", opening="1000", environment="production", unseen=None, **more):
    """A statement with one entry."""
    amount, opening = Decimal(amount), Decimal(opening)
    kind = Kind.PAYOUT if external_id else Kind.UNEXPLAINED
    entry = Entry(1, date(2026, 2, 2), kind, amount, opening + amount, external_id, 2 if external_id else None, unseen)
    return Statement(
        **{
            "whose": Whose(environment, account, "TRY"),
            "month": "2026-02",
            "report_timezone": "Europe/Istanbul",
            "starts_at": datetime(2026, 1, 31, 21, tzinfo=UTC),
            "ends_at": datetime(2026, 2, 28, 21, tzinfo=UTC),
            "opening": opening,
            "opening_date": date(2026, 1, 31),
            "closing": opening + amount,
            "closing_date": date(2026, 2, 28),
            "last_seen_date": date(2026, 2, 28),
            "entries": (entry,),
            "under_way": Decimal(0),
            "days": 28,
            "complete_days": 28,
        }
        | more
    )


def mt940_lines(statement, language="en"):
    return as_mt940(statement, language).decode("ascii").split("\r\n")


def test_an_mt940_is_written_line_by_line_as_swift_wants_it():
    assert mt940_lines(made()) == [
        ":20:STMT-2026-02-TRY",
        ":25:payroll",
        ":28C:02602/00001",
        ":60F:C260131TRY1000,00",
        ":61:2602020202D300,00NTRFsalaries//2602-000001",
        ":86:payout salaries, 2 items",
        ":62F:C260228TRY700,00",
        "-",
        "",
    ]


def test_turkish_letters_become_those_of_swift():
    assert swift("ŞİRKET ıĞÜÖÇ ğüşöç_maaş@ev") == "SIRKET iGUOC gusoc-maas(at)ev"


@pytest.mark.parametrize(("label", "other"), [("Иван", "Пётр"), ("maaş", "maas"), ("a_b", "a-b"), ("ıstanbul", "istanbul")])
def test_two_accounts_that_mt940_cannot_tell_apart_have_no_mt940(label, other):
    statement = made(account=label, others=(Whose("production", "payroll", "TRY"), Whose("production", other, "USD")))
    with pytest.raises(
        WarehouseStatementError, match=f"'{label}' and '{other}' are both '{re.escape(swift(label))}'; use --format"
    ):
        as_mt940(statement, "en")
    assert f">{label}<" in as_camt053(statement, "en", NOW).decode()


def test_another_currency_or_the_sandbox_of_an_account_is_no_other_account_in_mt940():
    others = (Whose("production", "maaş", "USD"), Whose("sandbox", "maaş", "TRY"), Whose("sandbox", "maas", "TRY"))
    assert ":25:maas" in mt940_lines(made(account="maaş", others=others))


LABELS = some.text(some.sampled_from("abcşğıİÜ .@-_09:"), min_size=1, max_size=8)
IDS = some.text(some.sampled_from("aZ09._:-"), min_size=1, max_size=64)


@example("payroll", "-" + "x" * 63, "en")
@example("payroll", ":" + "x" * 63, "tr")
@example("payroll", "x" * 17, "en")
@given(LABELS, IDS, some.sampled_from(["en", "tr"]))
def test_no_label_or_id_breaks_a_line_of_mt940(label, external_id, language):
    statement = made(label, external_id, unseen=(date(2026, 1, 1), date(2026, 1, 2)))
    lines = mt940_lines(statement, language)
    assert all(SWIFT.match(line) for line in lines)
    tags = [line[:4] for line in lines]
    assert tags[:6] == [":20:", ":25:", ":28C", ":60F", ":61:", ":86:"]
    assert not [line for line in lines[6:-3] if line.startswith((":", "-"))]
    assert max(len(line.removeprefix(":86:")) for line in lines[5:-3]) <= 65
    reference = lines[4].split("NTRF")[1].split("//")[0]
    assert reference in (external_id, "NONREF")
    assert len(reference) <= 16


def camt(statement, language="en"):
    return as_camt053(statement, language, NOW)


@given(
    some.text(some.characters(codec="utf-8"), min_size=1, max_size=34),
    some.text(some.characters(codec="utf-8"), max_size=64),
    some.text(some.characters(codec="utf-8"), min_size=1, max_size=4),
)
def test_no_text_breaks_the_xml_of_camt053(account, external_id, environment):
    written = camt(made(account, external_id))
    assert ET.fromstring(written) is not None
    if len(environment) + len(account) < 34:
        assert ET.fromstring(camt(made(account, external_id, environment=environment))) is not None


@pytest.mark.parametrize(
    "statement",
    [
        made(),
        made("<maaş & co>", "x" * 64),
        made(external_id=None, unseen=(date(2026, 1, 1), date(2026, 1, 1))),
        made(amount="-2000.5"),
        made(entries=(), closing=Decimal(1000), under_way=Decimal("302.5"), complete_days=3, last_seen_date=date(2026, 2, 5)),
        made(environment="sandbox"),
        made(amount="-1000"),
    ],
)
@pytest.mark.parametrize("language", ["en", "tr"])
def test_camt053_is_valid_against_its_schema(statement, language, camt_schema):
    camt_schema.validate(camt(statement, language).decode())


def test_a_sandbox_is_told_from_production_in_the_accounts_name():
    assert ":25:sandbox/payroll" in mt940_lines(made(environment="sandbox"))
    assert b"<Id>sandbox/payroll</Id>" in camt(made(environment="sandbox"))
    assert b"<Id>payroll</Id>" in camt(made())


def test_the_end_of_a_camt053_says_what_a_reader_must_know():
    statement = made(under_way=Decimal("302.5"), complete_days=3, last_seen_date=date(2026, 2, 5))
    said = "last snapshot of the month on 2026-02-05; 3 of 28 days are complete; under way at the end of the month: 302.50"
    assert f"<AddtlStmtInf>{said}</AddtlStmtInf>" in camt(statement).decode()
    assert "sonucu beklenen: 302,50" in camt(statement, "tr").decode()


@pytest.mark.parametrize("write", [lambda statement: as_mt940(statement, "en"), camt], ids=["mt940", "camt053"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"amount": "-0.001"}, "on 2026-02-02 is -0.001; .* nothing is rounded"),
        ({"opening": "0.005", "amount": "-0.005"}, "on 2026-01-31 is 0.005"),
        ({"amount": "-12345678901234567"}, "has too many digits for .*; use --format csv"),
        ({"account": "x" * 36}, "has 36 letters, and .* takes 3[45] for an account; use --format csv"),
    ],
)
def test_what_does_not_fit_is_refused_and_not_rounded_or_cut(write, given, said):
    with pytest.raises(WarehouseStatementError, match=said):
        write(made(**given))


def test_decimals_that_are_zero_are_no_reason_to_refuse():
    assert ":61:2602020202D300,10NTRFsalaries//2602-000001" in mt940_lines(made(amount="-300.10000000"))


def test_a_currency_that_a_format_has_no_place_for_is_refused():
    statement = replace(made(), whose=Whose("production", "payroll", "TL"))
    with pytest.raises(WarehouseStatementError, match="'TL' is no currency that MT940 takes"):
        as_mt940(statement, "en")


def test_no_cell_of_a_csv_is_a_formula():
    written = as_csv(made("@evil", "-1+2"), "en").decode("utf-8-sig")
    assert written.splitlines()[2] == "production,'@evil,TRY,2026-02-02,payout,'-1+2,2,-300.00,700.00,"


def test_a_csv_begins_with_the_mark_of_utf_8():
    assert as_csv(made(), "tr").startswith(b"\xef\xbb\xbfOrtam;Hesap;")
