import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from airflow_provider_iyzico.api.secrecy import Secret
from airflow_provider_iyzico.errors import IyzicoConfigurationError
from airflow_provider_iyzico.hooks.settings import Settings

SANDBOX = {"login": "sandbox-key", "password": "sandbox-secret"}
PRODUCTION = {"login": "live-key", "password": "live-secret"}


def connection(**fields):
    given = {"conn_id": "payouts", "conn_type": "iyzico", "host": None, "port": None, "extra": None, **SANDBOX, **fields}
    return SimpleNamespace(**given)


def read(**fields):
    return Settings.read(Secret(connection(**fields)))


def test_without_a_host_the_environment_follows_the_key():
    assert (read().environment, read().base_url) == ("sandbox", "https://sandbox-api.iyzipay.com")
    production = read(**PRODUCTION)
    assert (production.environment, production.base_url) == ("production", "https://api.iyzipay.com")


def test_the_defaults_are_those_of_the_documentation():
    settings = read()
    assert (settings.locale, settings.timeout_seconds, settings.report_timezone) == ("tr", 30.0, "Europe/Istanbul")
    assert settings.ca_bundle is None


def test_without_a_label_the_account_is_a_fingerprint_that_hides_the_key():
    assert read().account == read().account
    assert read().account.startswith("key-")
    assert "sandbox-key" not in read().account
    assert read().account != read(login="sandbox-other").account


def test_extra_fields_are_read_as_forms_and_json_write_them():
    settings = read(extra='{"locale": "en", "account": "Şube 1", "timeout": "12", "report_timezone": "UTC"}')
    assert (settings.locale, settings.account, settings.timeout_seconds, settings.report_timezone) == (
        "en",
        "Şube 1",
        12.0,
        "UTC",
    )
    empty = read(extra='{"locale": "", "account": null, "timeout": "", "report_timezone": null, "allow_custom_host": null}')
    assert empty == read()
    form = '{"account": null, "locale": "tr", "timeout": 30, "report_timezone": "Europe/Istanbul", "ca_bundle": null, '
    assert read(extra=form + '"allow_custom_host": false}') == read()  # as the form of Airflow 3.3 saves it


@pytest.mark.parametrize(
    "written",
    ["payroll", " payroll", "payroll  ", "\tpayroll\n", "\N{NO-BREAK SPACE}payroll", "payroll\N{IDEOGRAPHIC SPACE}", "\N{EM SPACE}payroll\N{NARROW NO-BREAK SPACE}"],
)  # fmt: skip
def test_blanks_around_a_label_make_no_other_account(written):
    assert read(extra=json.dumps({"account": written})).account == "payroll"


def test_blanks_of_any_width_within_a_label_are_the_same_and_so_are_the_ways_to_write_a_letter():
    labels = ["Şube 1", "Şube\N{NO-BREAK SPACE}1", "Şube\N{IDEOGRAPHIC SPACE}1", "S\N{COMBINING CEDILLA}ube 1"]
    assert {read(extra=json.dumps({"account": label})).account for label in labels} == {"Şube 1"}


@pytest.mark.parametrize("written", [" ", "\N{NO-BREAK SPACE}", "\N{IDEOGRAPHIC SPACE}\t "])
def test_a_label_of_blanks_only_is_none(written):
    assert read(extra=json.dumps({"account": written})).account == read().account


def test_blanks_around_other_fields_do_not_matter():
    settings = read(
        host=" 127.0.0.1:1\N{NO-BREAK SPACE}",
        extra=json.dumps(
            {"locale": " en", "timeout": " 12 ", "report_timezone": "UTC\n", "ca_bundle": " ", "allow_custom_host": " true"}
        ),
    )
    assert (settings.base_url, settings.locale, settings.timeout_seconds) == ("http://127.0.0.1:1", "en", 12.0)
    assert (settings.report_timezone, settings.ca_bundle) == ("UTC", None)
    assert read(extra=" \n ") == read()


def test_port_0_is_none_because_the_form_of_airflow_sends_it():
    assert read(port=0) == read()


@pytest.mark.parametrize(
    "host", ["sandbox-api.iyzipay.com", "https://sandbox-api.iyzipay.com/", "HTTPS://SANDBOX-API.IYZIPAY.COM:443"]
)
def test_iyzicos_own_host_may_be_written_out(host):
    assert read(host=host).base_url == "https://sandbox-api.iyzipay.com"


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("127.0.0.1", 8989, "http://127.0.0.1:8989"),
        ("http://127.0.0.1:8989", None, "http://127.0.0.1:8989"),
        ("https://localhost:8989", 8989, "https://localhost:8989"),
        ("[::1]:8989", None, "http://[::1]:8989"),
        ("127.8.8.8", None, "http://127.8.8.8"),
    ],
)
def test_this_machine_may_be_asked_over_http_by_sandbox_keys(host, port, url):
    settings = read(host=host, port=port)
    assert (settings.base_url, settings.is_loopback) == (url, True)


def test_a_custom_host_needs_permission_and_https():
    allowed = '{"allow_custom_host": true}'
    assert read(host="iyzico.test.example", extra=allowed).base_url == "https://iyzico.test.example"
    with pytest.raises(IyzicoConfigurationError, match="allow_custom_host"):
        read(host="iyzico.test.example")
    with pytest.raises(IyzicoConfigurationError, match="plain http"):
        read(host="http://iyzico.test.example", extra=allowed)


@pytest.mark.parametrize("host", ["127.0.0.1", "https://localhost:1", "iyzico.test.example"])
def test_production_keys_go_nowhere_but_to_iyzico(host):
    with pytest.raises(IyzicoConfigurationError, match="production"):
        read(host=host, extra='{"allow_custom_host": true}', **PRODUCTION)


@pytest.mark.parametrize(
    "fields",
    [
        {"host": "api.iyzipay.com", **SANDBOX},
        {"host": "sandbox-api.iyzipay.com", **PRODUCTION},
        {"login": "sandbox-key", "password": "live-secret"},
        {"login": "live-key", "password": "sandbox-secret"},
    ],
)
def test_mixed_up_environments_are_refused(fields):
    with pytest.raises(IyzicoConfigurationError, match=r"keys|environments"):
        read(**fields)


HOSTILE = [
    "evil.example", "api.iyzipay.com.evil.example", "api.iyzipay.com@evil.example", "user:pass@sandbox-api.iyzipay.com",
    "sandbox-api.iyzipay.com.", "sandbox-api.iyzipay.com/../x", "sandbox-api.iyzipay.com/v1", "sandbox-api.iyzipay.com?x=1",
    "sandbox-api.iyzipay.com#x", "sandbox-api.iyzipay.com:8443", "sandbox-api.iyzipay.com:0", "sandbox-api.iyzipay.com:99999",
    "sandbox-api.iyzipay.com\r\nX: y", "sandbox-api.iyzipay.com evil.example", "http://sandbox-api.iyzipay.com", "ftp://sandbox-api.iyzipay.com",
    "//evil.example", "https://", "https:///", "sandbоx-api.iyzipay.com", "ıyzico.com", "2130706433", "0x7f000001", "127.1", "0.0.0.0",
    "10.0.0.1", "169.254.169.254", "[::ffff:10.0.0.1]", "[fe80::1%25eth0]", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1:x",
    "file:///etc/passwd", "sandbox-api.iyzipay.com\\@evil.example", "sandbox-api.iyzipay.com%2eevil.example",
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTILE, ids=ascii)
def test_hostile_hosts_are_refused_before_any_request(host):
    with pytest.raises(IyzicoConfigurationError, match=r"'payouts': (host|port)"):
        read(host=host)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"conn_type": "http"}, "its type"),
        ({"conn_type": None}, "its type"),
        ({"login": None}, "login is empty"),
        ({"login": ""}, "login is empty"),
        ({"password": None}, "password is empty"),
        ({"login": " sandbox-key"}, "login holds"),
        ({"password": "sandbox-secret\n"}, "password holds"),
        ({"password": "sandbox-secret\N{NO-BREAK SPACE}"}, "password holds"),
        ({"login": "\N{IDEOGRAPHIC SPACE}"}, "login holds"),
        ({"login": 5}, "login is not text"),
        ({"host": ["127.0.0.1"]}, "host is not text"),
        ({"host": "127.0.0.1", "port": "x"}, "port is not one port"),
        ({"host": "x" * 64 + ".example"}, "host is not a plain host name"),
        ({"host": "[fe80:1]"}, "host is not a plain host name"),
        ({"extra": {"locale": "tr"}}, "extra is not text"),
        ({"extra": "[" * 100_000}, "extra is not a JSON object"),
        ({"port": 8080}, "port is set without a host"),
        ({"host": "127.0.0.1:1", "port": 2}, "port is not one port"),
        ({"extra": "not json"}, "extra is not"),
        ({"extra": "[]"}, "extra is not"),
        ({"extra": '{"verify": false}'}, "unknown fields"),
        ({"extra": '{"locale": "de"}'}, "locale"),
        ({"extra": '{"locale": ["tr"]}'}, "locale"),
        *[
            ({"extra": f'{{"timeout": {value}}}'}, "timeout")
            for value in ("0", "-1", "301", '"soon"', "true", "[]", "1e400", "NaN")
        ],
        ({"extra": '{"report_timezone": "Mars/Base"}'}, "report_timezone"),
        ({"extra": '{"report_timezone": "../../etc/passwd"}'}, "report_timezone"),
        ({"extra": '{"report_timezone": "localtime"}'}, "report_timezone"),
        ({"extra": '{"account": "payroll", "can_pay": true, "account": "suppliers"}'}, "extra has a field twice"),
        *[
            ({"extra": f'{{"report_timezone": {value}}}'}, "report_timezone")
            for value in ("3", '["UTC"]', '{"a": 1}', '"a\\u0000b"', "true")
        ],
        ({"extra": '{"account": "a\\nb"}'}, "account"),
        ({"extra": '{"account": "' + "x" * 65 + '"}'}, "account"),
        *[({"extra": f'{{"account": "{label}"}}'}, "account") for label in ("sandbox-secret", "SECRET", "my secret")],
        ({"extra": '{"account": 5}'}, "account"),
        ({"extra": '{"ca_bundle": false}'}, "ca_bundle"),
        ({"host": "x.example", "extra": '{"allow_custom_host": "maybe"}'}, "allow_custom_host"),
    ],
)
def test_what_is_wrong_is_named_with_the_connection_and_never_with_a_key(fields, named):
    with pytest.raises(IyzicoConfigurationError, match=named) as caught:
        read(**fields)
    assert "'payouts'" in str(caught.value)
    assert "sandbox-secret" not in str(caught.value)


def test_a_connection_may_pay_only_if_it_says_so():
    settings = read()
    assert (settings.can_pay, settings.has_label, settings.currency) == (False, False, None)
    form = read(extra='{"can_pay": "true", "account": "payroll", "currency": " TRY "}')
    assert (form.can_pay, form.has_label, form.currency) == (True, True, "TRY")
    assert read(extra='{"can_pay": null, "account": " ", "currency": ""}') == read()


@pytest.mark.parametrize(
    "currency", ["try", "TL", "TRYX", "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}RR", "949", 949, True, ["TRY"]]
)
def test_a_currency_that_is_no_code_is_refused(currency):
    with pytest.raises(IyzicoConfigurationError, match="extra currency is not an ISO 4217 code"):
        read(extra=json.dumps({"currency": currency}))


@pytest.mark.parametrize("can_pay", ["yes", 2, "1", [], "truely"])
def test_a_permission_to_pay_that_is_neither_true_nor_false_is_refused(can_pay):
    with pytest.raises(IyzicoConfigurationError, match="extra can_pay is neither true nor false"):
        read(extra=json.dumps({"can_pay": can_pay}))


def test_settings_do_not_show_their_keys():
    assert "sandbox-key" not in repr(read())
    assert "sandbox-secret" not in repr(read())
    assert read() == read()
    assert read() != replace(read(), secret_key=Secret("sandbox-new"))
