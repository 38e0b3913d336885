from datetime import UTC, datetime
from decimal import Decimal

import pytest
from payout_answers import DOCUMENTED
from sandbox import ROOT

from airflow_provider_iyzico.api.balance import balance_call
from airflow_provider_iyzico.api.envelope import Answer
from airflow_provider_iyzico.errors import IyzicoAuthenticationError, IyzicoUnavailableError

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
GOLDEN = ROOT / "tests" / "golden"
BALANCES = {"documented-balance": "25399393.5", "documented-balance-as-decimal": "25399393.50"}
REFUSALS = {
    "documented-limit": (IyzicoUnavailableError, "errorCode 50000, 'Request Limit Exceeded'"),
    "observed-unknown-key": (IyzicoAuthenticationError, "errorCode 1001, 'api bilgileri bulunamadı'"),
    "observed-invalid-signature": (IyzicoAuthenticationError, "errorCode 1000, 'Geçersiz imza'"),
}


def golden(name):
    """The newest body of that name, as a call to the balance would get it."""
    newest = max(GOLDEN.glob(f"[0-9][0-9][0-9][0-9]-[0-9][0-9]-{name}.json"))
    return Answer(200, {"Content-Type": "application/json;charset=UTF-8"}, newest.read_bytes(), NOW, NOW, 20)


@pytest.mark.parametrize("locale", ["tr", "en"])
def test_the_balance_is_a_get_without_body_whose_locale_is_in_the_query_only(locale):
    call = balance_call(locale)
    assert (call.method, call.path, call.query, call.body) == ("GET", "/v1/mass/payout/balance", f"locale={locale}", b"")
    assert call.is_read


@pytest.mark.parametrize(("name", "raw"), BALANCES.items())
def test_the_balance_that_iyzico_documents_is_read_to_its_last_digit(name, raw):
    balance = balance_call("tr").read(golden(name))
    assert (balance.raw, balance.amount) == (raw, Decimal(raw))
    assert balance.system_time == datetime(2025, 9, 29, 15, 5, 19, 395000, tzinfo=UTC)


@pytest.mark.parametrize(("name", "kind", "words"), [(name, *expected) for name, expected in REFUSALS.items()])
def test_a_refusal_that_iyzico_documents_or_that_was_seen_is_named_for_what_it_is(name, kind, words):
    with pytest.raises(kind, match=words):
        balance_call("tr").read(golden(name))


def test_every_recorded_answer_is_read_by_a_test_and_says_where_it_comes_from():
    sources = (GOLDEN / "README.md").read_text(encoding="utf-8")
    for path in GOLDEN.glob("*.json"):
        assert path.stem[8:] in {*BALANCES, *REFUSALS, *(f"documented-{name}" for name in DOCUMENTED)}
        assert f"`{path.name}`" in sources
