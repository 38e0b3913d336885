"""PayoutMessage: what became of a batch, as a finance reader gets it."""

import pytest
from batches import NAME
from payers import BATCH, IBANS
from payout_tasks import AT_ONCE, authorize, init, rows
from support import connect

from airflow_provider_iyzico.errors import IyzicoConfigurationError
from airflow_provider_iyzico.messages import PayoutMessage

ROW = {
    "environment": "production", "account": "payroll", "currency": "TRY", "external_id": "salaries-2026-11", "needs_person": 0,
    "requested_items": 1203, "requested_total": "4500000.50", "paid_items": 1203, "paid_total": "4500000.50",
    "paid_commission": "3007.5", "returned_items": 0, "returned_total": 0, "outstanding_items": 0, "outstanding_total": 0,
    "invalid_items": 0, "invalid_total": 0, "cancelled_items": 0, "cancelled_total": 0,
}  # fmt: skip
TURKISH = """\
salaries-2026-11: tüm ödemeler yapıldı
Hesap: payroll
İstenen: 1.203 kalem, 4.500.000,50 TL
Ödenen: 1.203 kalem, 4.500.000,50 TL
Komisyon: 3.007,50 TL"""
ENGLISH = """\
salaries-2026-11: 3 items not paid
Account: payroll
Requested: 1,203 items, TRY 4,500,000.50
Paid: 1,200 items, TRY 4,490,000.50
Returned: 1 item, TRY 7,000.00
Not accepted by iyzico: 2 items, TRY 3,000.00
Commission: TRY 3,007.50
Sandbox: no real money"""


def message(language="en", **more):
    return PayoutMessage.of({**ROW, **more}, language=language)


def test_a_batch_that_is_paid_in_turkish():
    assert str(PayoutMessage.of(ROW)) == TURKISH


def test_a_batch_that_is_paid_in_part_in_english():
    paid = {"paid_items": 1200, "paid_total": "4490000.50"}
    rest = {"returned_items": 1, "returned_total": 7000, "invalid_items": 2, "invalid_total": 3000.0, "environment": "sandbox"}
    assert str(message(**paid, **rest)) == ENGLISH


@pytest.mark.parametrize(
    ("parts", "english", "turkish"),
    [
        ({"needs_person": 1}, "needs a person", "ilgilenilmesi gerekiyor"),
        ({"needs_person": True, "outstanding_items": 1}, "needs a person", "ilgilenilmesi gerekiyor"),
        ({"paid_items": 0, "outstanding_items": 1203}, "not finished yet", "henüz tamamlanmadı"),
        ({"paid_items": 0, "cancelled_items": 1203}, "cancelled", "iptal edildi"),
        ({"paid_items": 1202, "returned_items": 1}, "1 item not paid", "1 kalem ödenemedi"),
        ({"paid_items": 1202, "cancelled_items": 1}, "1 item not paid", "1 kalem ödenemedi"),
        ({"paid_items": 0, "cancelled_items": 1200, "invalid_items": 3}, "cancelled", "iptal edildi"),
    ],
)
def test_the_title_says_what_matters_most(parts, english, turkish):
    assert message(**parts).title == f"salaries-2026-11: {english}"
    assert message("tr", **parts).title == f"salaries-2026-11: {turkish}"


@pytest.mark.parametrize("given", [tuple(ROW.values()), [tuple(ROW.values())], None, "row"], ids=["row", "rows", "none", "text"])
def test_what_a_query_returns_without_names_is_refused_with_the_way_to_name_them(given):
    with pytest.raises(IyzicoConfigurationError, match=f"row is a {type(given).__name__}; .* as dict\\(zip"):
        PayoutMessage.of(given)


def test_a_row_of_another_query_is_told_what_it_lacks():
    row = {name: value for name, value in ROW.items() if name not in ("paid_total", "needs_person")}
    with pytest.raises(IyzicoConfigurationError, match="row lacks needs_person, paid_total; take a row of the view"):
        PayoutMessage.of(row)


def test_another_language_is_refused():
    with pytest.raises(IyzicoConfigurationError, match="language is None"):
        message(None)


def test_the_row_of_a_real_batch_gives_a_message_without_personal_data(iyzico, sqlite_warehouse, airflow_database, monkeypatch):
    connect(monkeypatch, iyzico, can_pay=True, currency="TRY")
    iyzico.set(balance="1000.00", durations=AT_ONCE, commission="2.50")
    init()
    authorize()
    columns = [name for _, name, *_ in rows(sqlite_warehouse, "PRAGMA table_info(iyzico_payout_summary)")]
    (row,) = rows(sqlite_warehouse, "SELECT * FROM iyzico_payout_summary")
    said = str(PayoutMessage.of(dict(zip(columns, row, strict=True)), language="en"))
    assert said.startswith(f"{BATCH}: all payments made\n")
    assert not [each for each in (*IBANS, NAME) if each in said]
