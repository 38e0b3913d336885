import pytest

from airflow_provider_iyzico.api.balance import balance_call


@pytest.mark.parametrize("locale", ["tr", "en"])
def test_the_balance_is_a_get_without_body_whose_locale_is_in_the_query_only(locale):
    call = balance_call(locale)
    assert (call.method, call.path, call.query, call.body) == ("GET", "/v1/mass/payout/balance", f"locale={locale}", b"")
    assert call.is_read
