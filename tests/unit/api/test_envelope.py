import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_iyzico.api.balance import Balance, read_balance
from airflow_provider_iyzico.api.envelope import MAX_RETRY_AFTER_SECONDS, Answer, has_refused
from airflow_provider_iyzico.errors import (
    IyzicoAnswerError,
    IyzicoAuthenticationError,
    IyzicoError,
    IyzicoRefusedError,
    IyzicoUnavailableError,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SYSTEM_TIME = round(NOW.timestamp() * 1000) + 123


def answer(body, status=200, **headers):
    body = body if isinstance(body, bytes) else body.encode()
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, headers, body, NOW, NOW + timedelta(milliseconds=20), 20)


def failure(code=None, status="failure", message="no", http=200, **headers):
    fields = {"status": status, "errorCode": code, "errorMessage": message}
    return answer(json.dumps({name: value for name, value in fields.items() if value is not None}), http, **headers)


@pytest.mark.parametrize(
    ("written", "raw", "amount"),
    [
        ("100", "100", "100"),
        ("100.50", "100.50", "100.5"),
        ('"25399393.5"', "25399393.5", "25399393.5"),
        ("20.00000000", "20.00000000", "20"),
        ("0E-8", "0E-8", "0"),
        ('"0E-8"', "0E-8", "0"),
        ("12345678901234567.89", "12345678901234567.89", "12345678901234567.89"),
        ("-5.00", "-5.00", "-5"),
    ],
)
def test_a_balance_keeps_its_digits_as_number_and_as_string(written, raw, amount):
    balance = read_balance(answer(f'{{"status":"success","systemTime":{SYSTEM_TIME},"balance":{written}}}'))
    assert (balance.raw, balance.amount) == (raw, Decimal(amount))
    assert type(balance.raw) is str
    assert balance.system_time == NOW + timedelta(milliseconds=123)
    assert (balance.asked_at, balance.observed_at, balance.latency_ms) == (NOW, NOW + timedelta(milliseconds=20), 20)


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_is_set_while_iyzico_answers_is_a_reason_to_ask_again_and_not_to_fail(hours):
    during = replace(
        answer(f'{{"status":"success","systemTime":{SYSTEM_TIME},"balance":1}}'), answered_at=NOW + timedelta(hours=hours)
    )
    with pytest.raises(IyzicoUnavailableError, match="clock was set while"):
        read_balance(during)


@pytest.mark.parametrize(
    "clock",
    ["null", '"soon"', "-1", "1e99", "true", "99999999999999999999", "[1]", "0", "1700000000", "17000000001234", '"0000000000123"', '"١٧٠٠٠٠٠٠٠٠١٢٣"', "1700000000123.0", "{}"],
)  # fmt: skip
def test_a_clock_that_cannot_be_read_does_not_cost_the_balance(clock):
    balance = read_balance(answer(f'{{"status":"success","systemTime":{clock},"balance":1}}'))
    assert balance.system_time is None


WAIT, KEYS, REFUSED, ODD = IyzicoUnavailableError, IyzicoAuthenticationError, IyzicoRefusedError, IyzicoAnswerError
PAGE = "<!DOCTYPE html><html>blocked</html>"
CASES = [
    # waiting may help
    *[(failure("1", http=status), WAIT) for status in (500, 501, 502, 503, 504, 520, 599)],
    *[(answer(PAGE, status), WAIT) for status in (408, 425, 429, 500, 502, 503, 504)],
    *[(failure("1", http=status), WAIT) for status in (408, 425)],
    (answer("", 503), WAIT),
    (failure(http=429), WAIT),
    (answer(PAGE, 429), WAIT),
    (failure("50000"), WAIT),
    (failure(50000), WAIT),
    (failure("50000", http=400), WAIT),
    # the keys
    *[(failure(code), KEYS) for code in ("1000", "1001", "1007", "1009", 1000, 1001)],
    (failure(http=401), KEYS),
    (failure(http=403), KEYS),
    (failure("8", http=401), KEYS),
    (failure("8", status=401), KEYS),
    (failure("8", status="401"), KEYS),
    (failure("1000", http=500), KEYS),
    (failure("50000", http=401), KEYS),
    (failure("1001", http=429), KEYS),
    # iyzico says no
    (failure("8"), REFUSED),
    (failure("100001"), REFUSED),
    (failure("9000"), REFUSED),
    (failure("11", http=400), REFUSED),
    (failure("5", http=404), REFUSED),
    (failure("5", http=405), REFUSED),
    (failure("5", http=409), REFUSED),
    (failure("5", http=422), REFUSED),
    (failure(None), REFUSED),
    # a proxy or firewall says no in iyzico's place
    *[
        (answer(body, status), ODD)
        for status in (401, 403, 404, 451)
        for body in (PAGE, "", "null", '{"message":"Forbidden"}', '{"code":1000}', '{"status":"error"}', '{"status":403}')
    ],
    (answer('{"status":"failure","errorCode":"1001"}', 401, Content_Type="text/html"), ODD),
    # not what iyzico documents
    (answer(PAGE), ODD),
    (answer(PAGE, 404), ODD),
    (answer(""), ODD),
    (answer("", 204), ODD),
    (answer("null"), ODD),
    (answer("[]"), ODD),
    (answer('"success"'), ODD),
    (answer('{"status":"success","balance":1'), ODD),
    (answer(b"\xff\xfe\xfa"), ODD),
    (answer("[" * 100_000), ODD),
    (answer('{"status":"success","balance":1,"balance":2}'), ODD),
    (answer('{"status":"success","balance":NaN}'), ODD),
    (answer('{"status":"success","balance":Infinity}'), ODD),
    (answer('{"status":"success"}'), ODD),
    *[
        (answer(f'{{"status":"success","balance":{value}}}'), ODD)
        for value in ("null", "true", "[]", "{}", '""', '"1.234,56"', '"1_000"', '"NaN"', "0.123456789", "1e30", '"١٠"')
    ],
    (answer('{"balance":1}'), ODD),
    (answer('{"status":"SUCCESS","balance":1}'), ODD),
    (answer('{"status":"pending","balance":1}'), ODD),
    (answer('{"status":true,"balance":1}'), ODD),
    (answer('{"status":"success","balance":1}', 201), ODD),
    (answer('{"status":"success","balance":1}', 206), ODD),
    *[(answer("", status, Location="https://evil.example/"), ODD) for status in (301, 302, 303, 307, 308)],
    (answer('{"status":"success","balance":1}', 302), ODD),
]


@pytest.mark.parametrize(("wire", "kind"), CASES, ids=[f"{case.http_status}-{case.body[:40]!r}" for case, _ in CASES])
def test_every_answer_that_is_no_balance_is_named_for_what_it_is(wire, kind):
    with pytest.raises(IyzicoError) as caught:
        read_balance(wire)
    assert type(caught.value) is kind


def caught_from(wire):
    with pytest.raises(IyzicoError) as caught:
        read_balance(wire)
    return caught.value


@pytest.mark.parametrize(
    "wire", [failure("11", http=400), failure("50000"), failure("1000"), failure("5", status="error", http=404)]
)
def test_an_error_keeps_the_code_and_the_http_status(wire):
    error = caught_from(wire)
    assert (error.code, error.http_status) == (json.loads(wire.body)["errorCode"], wire.http_status)
    assert caught_from(answer(PAGE, 502)).code is None
    assert caught_from(answer("", 307)).http_status == 307


@pytest.mark.parametrize("code", [*map(str, range(3, 28)), "9000", "1000", "1001", "1007", "1009"])
@pytest.mark.parametrize("http", [200, 400, 401, 404, 422])
def test_a_refusal_with_a_documented_code_is_believed(code, http):
    assert has_refused(caught_from(failure(code, http=http)))


@pytest.mark.parametrize(
    "wire",
    [
        *[failure(code, http=http) for code in ("1", "2", "100001", "28", "5001", "x", None) for http in (200, 400, 404)],
        *[failure(code, http=http) for code in ("11", "1000", None) for http in (408, 429, 500, 503) if (code, http) != ("1000", 408) and (code, http) != ("1000", 429)],
        failure("50000"),
        failure("11", status="success"),
        failure("11", status="success", http=400),
        failure("11", status=None, http=400),
        failure("11", status="error", http=400),
        answer(PAGE, 400),
        answer("", 307),
    ],
)  # fmt: skip
def test_any_other_refusal_leaves_open_whether_something_was_done(wire):
    assert not has_refused(caught_from(wire))


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [
        ("3", 3.0),
        ("0", 0.0),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 29.98),
        ("Sun, 22 Nov 2020 12:00:30 GMT", 0.0),
        ("999999999999", MAX_RETRY_AFTER_SECONDS),
        ("Sun, 22 Nov 2099 12:00:30 GMT", MAX_RETRY_AFTER_SECONDS),
        ("-5", None),
        ("soon", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
    ],
)
def test_retry_after_is_honoured_within_bounds(wish, seconds):
    with pytest.raises(IyzicoUnavailableError) as caught:
        read_balance(failure(http=429, retry_after=wish))
    assert caught.value.retry_after == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Sun, 22 Nov 2026 13:00:25 GMT", 5.0),  # this machine is an hour behind
        ("Sun, 22 Nov 2026 16:00:25 +0300", 5.0),
        ("Sun, 22 Nov 2026 13:00:55 GMT", 0.0),
        ("soon", MAX_RETRY_AFTER_SECONDS),
    ],
)
def test_a_date_to_retry_after_counts_by_the_clock_of_the_server(date, seconds):
    with pytest.raises(IyzicoUnavailableError) as caught:
        read_balance(failure(http=429, retry_after="Sun, 22 Nov 2026 13:00:30 GMT", date=date))
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize(
    "body",
    [
        {"status": "error", "message": "Your IP is not allowed"},
        {"timestamp": 1, "status": 403, "error": "Your IP is not allowed", "path": "/x"},
        {"message": "Your IP is not allowed"},
    ],
)
def test_a_refusal_by_a_gateway_is_told_in_its_words_and_blames_no_keys(status, body):
    with pytest.raises(IyzicoAnswerError) as caught:
        read_balance(answer(json.dumps(body), status))
    assert f"HTTP {status}" in str(caught.value)
    assert "'Your IP is not allowed'" in str(caught.value)
    assert "keys" not in str(caught.value)


WELL = '{"status":"success","balance":1}'


@pytest.mark.parametrize(
    "kind",
    ["application/json", "application/json;charset=UTF-8", 'Application/JSON; Charset="utf-8"', "application/json; odata=x"],
)
def test_json_in_utf_8_may_call_itself_that(kind):
    assert read_balance(answer(WELL, Content_Type=kind)).raw == "1"
    assert read_balance(answer(WELL, Content_Encoding="identity")).raw == "1"


@pytest.mark.parametrize(
    ("wire", "words"),
    [
        *[(answer(WELL.encode(coding)), "not UTF-8") for coding in ("utf-16", "utf-32")],
        *[(answer(WELL.encode(coding)), "not a JSON object") for coding in ("utf-16-le", "utf-16-be", "utf-8-sig")],
        (answer(WELL.replace("}", ',"x":"').encode() + b'\xed\xa0\x80"}'), "not UTF-8"),
        (answer(WELL.replace("}", ',"x":"').encode() + b'\xc0\x80"}'), "not UTF-8"),
        *[
            (answer(WELL, Content_Type=kind), "of type")
            for kind in (
                "text/html",
                "text/plain",
                "application/problem+json",
                "application/json5",
                "application/json, text/html",
                "json",
            )
        ],
        *[
            (answer(WELL, Content_Type=f"application/json; charset={name}"), "of type")
            for name in ("iso-8859-9", "utf-16", "", "latin1")
        ],
        *[
            (answer(WELL, Content_Encoding=coding), f"compressed body ({coding})")
            for coding in ("gzip", "br", "deflate", "gzip, identity")
        ],
        *[(answer(WELL, Age=age), "not fresh") for age in ("61", "864000", "9" * 5000, "-1", "0, 61", "1.5", "\u0661", "soon")],
        (answer('{"status":"success","balance":1,"errorCode":"9000"}'), "status 'success', errorCode 9000"),
        *[
            (answer(f'{{"status":"success","balance":1,"errorCode":{code}}}'), "status 'success'")
            for code in ('""', "0", "false", "[]", "{}")
        ],
        (answer("[" * 1_000_000), "not a JSON object"),
        (answer('{"a":' * 150_000), "not a JSON object"),
        (answer('{"status":"success","balance":' + "[" * 800 + "]" * 800 + "}"), "a list in its place"),
        (answer('{"status":"success","balance":' + "1" * 1_000_000 + "}"), "not an exact amount"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_only_what_iyzico_documents_is_believed_and_the_error_says_what_came(wire, words):
    started = time.monotonic()
    with pytest.raises(IyzicoAnswerError) as caught:
        read_balance(wire)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 600
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("age", ["0", "60", "007"])
def test_an_answer_that_a_cache_has_just_fetched_is_believed_and_so_is_an_error_code_of_null(age):
    assert read_balance(answer('{"status":"success","balance":1,"errorCode":null}', age=age)).raw == "1"


def test_a_success_with_the_code_of_refused_keys_is_a_refusal_of_the_keys():
    with pytest.raises(IyzicoAuthenticationError):
        read_balance(answer('{"status":"success","balance":1,"errorCode":"1001"}'))


def test_what_a_server_says_is_searched_for_secrets_before_it_is_cut():
    secret = "k" * 20 + "Q" * 20
    wire = replace(failure("5", message="." * 180 + secret), redact=lambda text: text.replace(secret, "***"))
    with pytest.raises(IyzicoRefusedError) as caught:
        read_balance(wire)
    assert "kkkk" not in str(caught.value)
    assert secret not in repr(replace(wire, body=secret.encode(), headers={"x": secret}))


def test_a_quoted_header_is_not_repeated():
    with pytest.raises(IyzicoRefusedError) as caught:
        read_balance(failure("5", message="bad header IYZWSv2 YXBpS2V5OnNhbmRib3g= indeed"))
    assert "IYZWSv2 *** indeed" in str(caught.value)


def test_untrusted_words_are_quoted_in_one_short_printable_line():
    with pytest.raises(IyzicoRefusedError) as caught:
        read_balance(failure("5\r\nfake log line", message="\x1b[31mred\nnext\u2028line" + "x" * 5000))
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 600


@given(st.binary(max_size=200), st.integers(100, 599))
def test_no_bytes_whatever_open_a_gate_or_crash_the_reader(body, status):
    try:
        balance = read_balance(answer(body, status))
    except IyzicoError:
        return
    assert isinstance(balance, Balance)
    assert status == 200
    assert json.loads(body)["status"] == "success"


@given(
    st.dictionaries(
        st.sampled_from(["status", "errorCode", "errorMessage", "balance", "systemTime"]),
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.sampled_from(["success", "failure"])),
    ),
    st.sampled_from([200, 201, 302, 400, 401, 429, 500]),
)
def test_only_http_200_with_status_success_is_a_balance(fields, status):
    try:
        read_balance(answer(json.dumps(fields), status))
    except IyzicoError:
        return
    assert status == 200
    assert fields["status"] == "success"
