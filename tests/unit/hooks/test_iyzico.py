import json
import os
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import redact
from support import connect

from airflow_provider_iyzico.api.balance import balance_call
from airflow_provider_iyzico.api.call import Call
from airflow_provider_iyzico.errors import (
    IyzicoAuthenticationError,
    IyzicoConfigurationError,
    IyzicoMoneyError,
    IyzicoOutcomeUnknownError,
    IyzicoRefusedError,
    IyzicoUnavailableError,
    Retry,
)
from airflow_provider_iyzico.hooks import masking
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.simulator import Simulator


@pytest.fixture
def hook(iyzico, monkeypatch):
    connect(monkeypatch, iyzico, timeout=60)
    hook = IyzicoHook()
    yield hook
    hook.close()


def test_the_constructor_touches_nothing():
    hook = IyzicoHook("no_such_connection")
    assert hook.iyzico_conn_id == "no_such_connection"


def test_a_missing_connection_is_named_with_what_to_add(airflow_database):
    with pytest.raises(IyzicoConfigurationError, match=r"'no_such_connection' that can be read; add one of type 'iyzico'"):
        IyzicoHook("no_such_connection").get_balance()


def test_a_read_is_repeated_until_iyzico_answers(iyzico, hook):
    iyzico.fail("503", times=2)
    assert hook.get_balance().raw == "100.00"
    assert len(iyzico.seen) == 3


def test_a_read_is_given_up_after_its_attempts(iyzico, hook):
    iyzico.fail("503")
    with pytest.raises(IyzicoUnavailableError, match="503"):
        hook.get_balance(attempts=2)
    assert len(iyzico.seen) == 2


def test_retry_after_is_waited_for_and_not_longer_than_the_deadline_allows(iyzico, hook, monkeypatch):
    iyzico.fail("429", times=1, retry_after="1")
    started = time.monotonic()
    assert hook.get_balance().raw == "100.00"
    assert time.monotonic() - started >= 1.0
    iyzico.fail("429", retry_after="3000")
    started = time.monotonic()
    with pytest.raises(IyzicoUnavailableError):
        hook.get_balance()
    assert time.monotonic() - started < 50


def test_a_poll_takes_no_longer_than_its_limit(iyzico, hook):
    hook.settings  # noqa: B018 - read before the clock of the poll starts
    iyzico.fail("timeout")
    started = time.monotonic()
    assert isinstance(hook.poll(within_seconds=0.3), IyzicoUnavailableError)
    assert isinstance(hook.look(within_seconds=0.3), IyzicoUnavailableError)  # its earlier name
    with pytest.raises(IyzicoUnavailableError):
        hook.get_balance(within_seconds=0.3)
    assert isinstance(hook.poll(within_seconds=0), IyzicoUnavailableError)
    assert time.monotonic() - started < 5  # the Connection allows 20 seconds for each


def test_refused_keys_are_not_tried_again(iyzico, hook):
    iyzico.fail("401")
    with pytest.raises(IyzicoAuthenticationError):
        hook.get_balance()
    assert len(iyzico.seen) == 1


def test_a_call_that_moves_money_is_attempted_once_and_signs_the_bytes_it_sends(iyzico, hook):
    pay = Call("POST", "/v1/mass/payout/auth", "locale=tr", read=lambda answer: answer.http_status, body='{"ğ":1}'.encode())
    assert hook.run(pay) == 400  # there is no requestId in it, but it is believed: the signature over the body was right
    assert iyzico.seen[0].refusal is None
    iyzico.fail("reset")
    with pytest.raises(IyzicoOutcomeUnknownError, match="ask iyzico first") as caught:
        hook.run(pay)
    assert caught.value.retry is Retry.READ_BACK_FIRST
    assert len(iyzico.seen) == 2


@pytest.mark.parametrize("fault", ["timeout", "reset", "cut", "truncated", "html", "429", "500", "503", "redirect", "huge"])
def test_an_unseen_answer_to_a_call_that_moves_money_is_unknown_and_never_asked_for_again(iyzico, monkeypatch, fault):
    connect(monkeypatch, iyzico, timeout=1)
    iyzico.fail(fault)
    with pytest.raises(IyzicoOutcomeUnknownError) as caught:
        IyzicoHook().run(replace(balance_call("tr"), method="POST", is_read=False))
    assert caught.value.retry is Retry.READ_BACK_FIRST
    assert len(iyzico.seen) == 1


def test_a_call_that_moves_money_and_whose_answer_our_own_code_cannot_read_is_unknown_too(iyzico, hook):
    def misread(answer):
        raise IyzicoMoneyError("a total is none")

    for read in (lambda answer: 1 // 0, misread):
        with pytest.raises(IyzicoOutcomeUnknownError, match="ZeroDivisionError|a total is none"):
            hook.run(replace(balance_call("tr"), read=read, is_read=False))


def test_a_call_that_moves_money_and_that_iyzico_refused_did_not_happen(iyzico, hook):
    for fault, options, kind in (("401", {}, IyzicoAuthenticationError), ("failure", {"code": "11"}, IyzicoRefusedError)):
        iyzico.fail(fault, **options)
        with pytest.raises(kind) as caught:
            hook.run(replace(balance_call("tr"), is_read=False))
        assert caught.value.retry is Retry.NEVER


@pytest.mark.parametrize("refusal_status", [200, 401])
def test_wrong_keys_are_named_as_such_however_iyzico_says_it(monkeypatch, refusal_status):
    with Simulator("1", refusal_status=refusal_status) as iyzico:
        connect(monkeypatch, iyzico)
        iyzico.world.secret_key = "sandbox-rotated"
        ok, message = IyzicoHook().test_connection()
    assert not ok
    assert "login" in message
    assert "password" in message


def test_test_connection_says_ok_and_never_the_balance_or_a_key(iyzico, hook):
    iyzico.balance = "987654.32"
    ok, message = hook.test_connection()
    assert ok
    assert message.startswith("ok")
    for secret in ("987654", iyzico.world.api_key, iyzico.world.secret_key):
        assert secret not in message


@pytest.mark.parametrize("kind", ["timeout", "401", "html", "failure", "echo"])
def test_test_connection_says_what_to_do_instead_of_raising(iyzico, monkeypatch, kind):
    connect(monkeypatch, iyzico)
    iyzico.fail(kind)
    ok, message = IyzicoHook().test_connection()
    assert not ok
    assert message
    assert iyzico.world.api_key not in message


def test_keys_header_and_signature_are_known_to_the_masker(iyzico, hook, monkeypatch):
    monkeypatch.setattr(masking, "_attempts_masked", iter(range(5)))
    hook.get_balance()
    header = iyzico.seen[0].headers["Authorization"]
    token = header.partition(" ")[2]
    for secret in (iyzico.world.api_key, iyzico.world.secret_key, header, token):
        shown = redact(f"before {secret} after")
        assert secret not in shown
        assert "***" in shown
    import base64

    signature = base64.b64decode(token).decode().rpartition(":")[2]
    assert signature not in redact(f"signature {signature}")
    assert redact(f"h {header} h").replace("***", "") == "h  h"


def test_a_long_lived_process_registers_few_signatures_with_the_masker(iyzico, hook, monkeypatch):
    masked: list[str] = []
    monkeypatch.setattr(masking, "mask_secret", masked.append)
    monkeypatch.setattr(masking, "_attempts_masked", iter(range(10_000)))
    for _ in range(100):
        hook.get_balance()
    assert len(masked) == 3 + 2 * masking.MASKED_ATTEMPTS


def test_a_connection_that_stays_the_same_keeps_its_session_and_a_new_one_does_not(iyzico, hook):
    fields = {
        "conn_id": "iyzico_default", "conn_type": "iyzico", "host": iyzico.url, "port": None,
        "login": iyzico.world.api_key, "password": iyzico.world.secret_key,
        "extra": json.dumps({**json.loads(iyzico.connection)["extra"], "timeout": 60}),
    }  # fmt: skip
    hook.get_balance()
    first = hook._transport
    hook.use(SimpleNamespace(**fields))
    assert hook._transport is first
    hook.use(SimpleNamespace(**{**fields, "password": "sandbox-rotated"}))
    assert hook._transport is not first
    assert isinstance(hook.poll(), IyzicoAuthenticationError)


def test_a_connection_that_cannot_be_read_for_a_moment_stays_in_use(iyzico, hook, monkeypatch, airflow_database):
    hook.refresh()
    monkeypatch.delenv("AIRFLOW_CONN_IYZICO_DEFAULT")
    hook.refresh()
    assert hook.get_balance().raw == "100.00"
    with pytest.raises(IyzicoConfigurationError, match="no Connection"):
        IyzicoHook().refresh()


@pytest.mark.parametrize("kind", ["401", "404", "429", "500", "html", "reset", "timeout", "failure", "echo"])
def test_every_error_names_its_connection_and_says_what_to_do(iyzico, monkeypatch, kind):
    connect(monkeypatch, iyzico)
    iyzico.fail(kind)
    hook = IyzicoHook()
    message = str(hook.poll())
    hook.close()
    assert message.startswith("Connection 'iyzico_default': ")
    assert any(word in message.lower() for word in ("check", "ask iyzico", "look for", "wait"))


def test_importing_the_hook_does_not_import_requests():
    import subprocess
    import sys

    code = (
        "import sys, airflow.providers.common.compat.sdk as sdk\n"
        "sdk.BaseHook, sdk.BaseOperator, sdk.BaseSensorOperator; before = set(sys.modules)\n"
        "import airflow_provider_iyzico.operators.mass_payout, airflow_provider_iyzico.sensors.mass_payout\n"
        "new = set(sys.modules) - before\n"
        "print(sorted(name for name in new if name in ('requests', 'urllib3', 'tenacity', 'sqlalchemy', 'pandas', 'fastapi')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ))
    assert done.stdout.splitlines()[-1] == "[]"
