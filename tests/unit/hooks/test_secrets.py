"""Keys are in no message, no local of any frame of an error, no cause of it, no copy and no pickle."""

import base64
import copy
import itertools
import json
import pickle
import re
import socket
import traceback
from dataclasses import asdict
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import AirflowException
from cryptography.fernet import InvalidToken
from payout_answers import IBAN, batch
from raw_server import serve
from support import connect_to

from airflow_provider_iyzico.api.secrecy import PIECE
from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoError, IyzicoRefusedError, IyzicoUnavailableError
from airflow_provider_iyzico.hooks import masking
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.hooks.sockets import Socket
from airflow_provider_iyzico.simulator.world import API_KEY, SECRET_KEY

#: Keys of another account, which somebody pasted into the wrong place.
OTHERS = ("sandbox-Qm4xT7bW2nLc9RzKp3VdYf6H", "Zw8kJ5gN1sXv0BqMt7CyRh4E")
OWN = (API_KEY, SECRET_KEY)


def connection(**fields):
    given = {
        "conn_id": "payouts",
        "conn_type": "iyzico",
        "host": None,
        "port": None,
        "login": API_KEY,
        "password": SECRET_KEY,
        "extra": "{}",
    }
    return SimpleNamespace(**{**given, **fields})


def shows(text, secret):
    """Tell whether a text shows a piece of a secret, in any case."""
    body, text = secret.removeprefix("sandbox-").lower(), text.lower()
    return any(body[start : start + PIECE] in text for start in range(len(body) - PIECE + 1))


REFUSED = {
    "type": lambda value: {"conn_type": value},
    "host": lambda value: {"host": value},
    "host with a scheme": lambda value: {"host": f"https://{value}"},
    "userinfo": lambda value: {"host": f"https://{value}:{value}@sandbox-api.iyzipay.com"},
    "path": lambda value: {"host": f"sandbox-api.iyzipay.com/{value}"},
    "port": lambda value: {"host": "127.0.0.1", "port": value},
    "port in the host": lambda value: {"host": f"127.0.0.1:{value}"},
    "login with blanks": lambda value: {"login": f"{value} "},
    "password with blanks": lambda value: {"password": f"\N{NO-BREAK SPACE}{value}"},
    "login that is a list": lambda value: {"login": [value]},
    "host that is a list": lambda value: {"host": [value]},
    "extra": lambda value: {"extra": value},
    "extra that is a list": lambda value: {"extra": json.dumps([value])},
    "field name": lambda value: {"extra": json.dumps({value: 1})},
    "field name in small letters": lambda value: {"extra": json.dumps({value.lower(): 1, "locale": "tr"})},
    **{
        f"extra {name}": lambda value, name=name: {"extra": json.dumps({name: value})}
        for name in ("locale", "timeout", "report_timezone")
    },
    "extra ca_bundle": lambda value: {"extra": json.dumps({"ca_bundle": [value]})},
    "extra account": lambda value: {"extra": json.dumps({"account": f"<{value}>"})},
    "extra allow_custom_host": lambda value: {"host": "x.example", "extra": json.dumps({"allow_custom_host": value})},
    "nested": lambda value: {"extra": json.dumps({"timeout": {"x": [value]}})},
}


@pytest.mark.parametrize("secret", [*OWN, *OTHERS])
@pytest.mark.parametrize("place", REFUSED)
def test_a_key_in_the_wrong_place_is_refused_and_not_shown(place, secret):
    hook = IyzicoHook("payouts")
    hook.use(connection(**REFUSED[place](secret)))
    seen = hook.poll()
    assert type(seen) is IyzicoConfigurationError, seen
    assert str(seen).startswith("Connection 'payouts': ")
    assert not shows(str(seen), secret)


#: How a key, or most of it, may be written into a field that everybody reads.
WRITTEN = {
    "whole": str,
    "in capitals": str.upper,
    "without its prefix": lambda key: key.removeprefix("sandbox-"),
    "without its end": lambda key: key[:-1],
    "without its beginning": lambda key: key.removeprefix("sandbox-")[1:],
    "in hex": lambda key: key.removeprefix("sandbox-").encode().hex(),
    "in a name": lambda key: f"x-{key}.example",
    "in base64": lambda key: base64.b64encode(key.encode()).decode().strip("="),
}
SPOILT = {
    "with a blank": lambda key: f"{key[:18]} {key[18:]}",
    "in wide letters": lambda key: "".join(chr(ord(char) + 0xFEE0) if char.isalnum() else char for char in key),
}


@pytest.mark.parametrize("key", OWN)
@pytest.mark.parametrize(
    ("field", "write"),
    [
        *[pytest.param("host", write, id=f"host {name}") for name, write in WRITTEN.items()],
        *[pytest.param("account", write, id=f"account {name}") for name, write in (WRITTEN | SPOILT).items()],
    ],
)
def test_a_key_or_most_of_it_is_neither_host_nor_account(key, field, write):
    extra = {"allow_custom_host": True, **({"account": write(key)} if field == "account" else {})}
    hook = IyzicoHook("payouts")
    hook.use(connection(host=write(key) if field == "host" else None, extra=json.dumps(extra)))
    seen = hook.poll()
    assert type(seen) is IyzicoConfigurationError, seen
    assert field in str(seen)
    for text in (str(seen), hook.account_name):
        assert not shows(text, key)
        assert write(key).lower() not in text.lower()


def test_a_misspelt_field_is_shown_and_what_may_be_a_key_is_not():
    hook = IyzicoHook("payouts")
    hook.use(connection(extra=json.dumps({"time_out": 3, "acount": "x"})))
    assert "'acount', 'time_out'" in str(hook.poll())
    for name in ("Zw8kJ5gN1s", "abcdefghijklmnopqrstuvwxyz", "a b", "", "ü", "time-out"):
        hook.use(connection(extra=json.dumps({name: 3})))
        assert "whose names are not shown here" in str(hook.poll())


#: Whose frames must hold no key: ours, and those of the libraries that a call goes through.
WATCHED = ("airflow_provider_iyzico", "/airflow/", "tenacity", "/requests/", "/urllib3/", "/http/client.py")


def everything_shown_by(error):
    """Yield all that a traceback with locals shows of an error, its causes and contexts."""
    trace, seen = traceback.TracebackException.from_exception(error, capture_locals=True), set()
    waiting = [trace]
    while waiting:
        if (one := waiting.pop()) is None or id(one) in seen:
            continue
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__]
        yield str(one)
        for frame in one.stack:
            if any(name in frame.filename for name in WATCHED):
                yield from (frame.locals or {}).values()
                yield frame.filename


@pytest.mark.parametrize("place", REFUSED)
@pytest.mark.parametrize(
    "ask", [IyzicoHook.get_balance, IyzicoHook.refresh, lambda hook: hook.settings], ids=["balance", "refresh", "settings"]
)
def test_a_refused_connection_leaves_no_key_in_any_frame(monkeypatch, place, ask):
    fields = connection(**REFUSED[place]("not fit"))
    monkeypatch.setattr(IyzicoHook, "get_connection", lambda hook, conn_id: fields)
    with pytest.raises(IyzicoError) as caught:
        ask(IyzicoHook("payouts"))
    shown = list(everything_shown_by(caught.value))
    assert any(name.endswith("hooks/iyzico.py") for name in shown)
    assert not any(secret in text for text in shown for secret in OWN)
    assert caught.value.__context__ is caught.value.__cause__ is None


def quoting(status, words):
    """Answer with a refusal that quotes the request."""

    def answer(line, request):
        header = re.search(rb"Authorization: (.*?)\r\n", request)[1].decode()
        line.sendall(b"HTTP/1.1 %d X\r\n\r\n%s" % (status, words(header)))

    return answer


def fields(**given):
    return lambda header: json.dumps({"status": "failure", **{name: text(header) for name, text in given.items()}}).encode()


def hang_up(line, request):
    line.shutdown(socket.SHUT_RDWR)


UNANSWERED = {
    "closed": hang_up,
    "silent": lambda line, request: line.recv(1),
    "half a line": lambda line, request: line.sendall(b"HTTP/1.1 20"),
    "garbage": lambda line, request: line.sendall(request),
    "headers": lambda line, request: line.sendall(b"HTTP/1.1 200 OK\r\n" + request.replace(b"\r\n", b" ") + b"\r\n\r\n"),
    "redirect": quoting(302, lambda header: b""),
    "not JSON": quoting(200, lambda header: header.encode()),
    "not money": quoting(200, lambda header: json.dumps({"status": "success", "balance": header}).encode()),
    "no balance": quoting(200, lambda header: json.dumps({"status": "success", "balance": [header]}).encode()),
    "odd status": quoting(200, lambda header: json.dumps({"status": header, "errorCode": header}).encode()),
    "refused keys": quoting(401, fields(errorMessage=str, errorCode=str)),
    "refused": quoting(400, fields(errorMessage=lambda header: f"{API_KEY} {SECRET_KEY} {header}")),
    "later": quoting(503, fields(errorMessage=str)),
    "odd type": lambda line, request: line.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n\r\n{}" % re.search(rb"IYZWSv2 (.*?)\r\n", request)[1]
    ),
}


@pytest.mark.parametrize("kind", UNANSWERED)
@pytest.mark.parametrize("attempts", [1, 2])
def test_a_call_that_fails_leaves_no_key_header_or_signature_anywhere(monkeypatch, kind, attempts):
    with serve(UNANSWERED[kind]) as server:
        seconds = 4 if kind in ("silent", "half a line") else 30  # a busy machine must get to send the request
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", timeout=seconds)
        hook = IyzicoHook()
        with pytest.raises(IyzicoError) as caught:
            hook.get_balance(attempts=attempts)
        hook.close()
    tokens = [re.search(rb"IYZWSv2 (.*?)\r\n", request)[1].decode() for requests in server.asked for request in requests]
    signatures = [base64.b64decode(token).decode().rpartition(":")[2] for token in tokens]
    assert tokens
    shown = list(everything_shown_by(caught.value))
    assert any(name.endswith("hooks/iyzico.py") for name in shown)
    found = [(secret, text[:300]) for text in shown for secret in (*OWN, *tokens, *signatures) if shows(text, secret)]
    assert found == []
    assert caught.value.__context__ is caught.value.__cause__ is None


def fetched_by_others(hook):
    hook.use(connection())
    hook.get_balance()


@pytest.mark.parametrize("place", ["settings.is_zone", "trust.wait_for", "settings._Reader.base_url"])
@pytest.mark.parametrize("ask", [IyzicoHook.get_balance, fetched_by_others], ids=["read", "fetched by others"])
def test_a_task_that_is_stopped_while_its_connection_is_checked_leaves_no_key_in_any_frame(monkeypatch, place, ask):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"airflow_provider_iyzico.hooks.{place}", stop)
    monkeypatch.setattr(IyzicoHook, "get_connection", lambda hook, conn_id: connection())
    with pytest.raises(KeyboardInterrupt) as caught:
        ask(IyzicoHook("payouts"))
    shown = list(everything_shown_by(caught.value))
    assert any(name.endswith("hooks/iyzico.py") for name in shown)
    assert [text for text in shown for secret in OWN if shows(text, secret)] == []


def test_a_task_that_is_stopped_in_the_middle_of_a_call_leaves_no_key_in_any_frame(monkeypatch, iyzico):
    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(Socket, "recv_into", stop)
    hook = IyzicoHook()
    with pytest.raises(KeyboardInterrupt) as caught:
        hook.get_balance(attempts=1)
    shown = list(everything_shown_by(caught.value))
    assert any(name.endswith("hooks/response.py") for name in shown)
    assert [text for text in shown for secret in OWN if shows(text, secret)] == []
    assert not any("IYZWSv2" in text for text in shown)


@pytest.mark.parametrize("moment", ["connect", "sendall", "recv_into"])
def test_a_task_that_is_stopped_while_it_hands_a_batch_over_leaves_no_recipient_in_any_frame(monkeypatch, moment):
    def stop(*args):
        raise KeyboardInterrupt

    hook, made = IyzicoHook(), batch()
    with serve(hang_up) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", can_pay=True, account="raw", currency="TRY")
        monkeypatch.setattr(Socket, moment, stop)
        with pytest.raises(KeyboardInterrupt) as caught:
            hook.init_mass_payout(made)
        shown = list(everything_shown_by(caught.value))
        hook.close()
    assert any(name.endswith("hooks/payouts.py") for name in shown)
    assert [text for text in shown for secret in (IBAN, "Ayşe", "Ay\\xc5") if secret in text] == []


def test_a_task_that_is_stopped_while_it_dials_leaves_no_key_and_no_header_in_any_frame(monkeypatch, iyzico):
    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(Socket, "connect", stop)
    with pytest.raises(KeyboardInterrupt) as caught:
        IyzicoHook().get_balance(attempts=1)
    shown = list(everything_shown_by(caught.value))
    assert any(name.endswith("hooks/sockets.py") for name in shown)
    assert [text for text in shown for secret in OWN if shows(text, secret)] == []
    assert not any("IYZWSv2" in text for text in shown)


@pytest.mark.parametrize("registered", range(5))  # two keys and a header's beginning, then what is new in an attempt
def test_a_task_that_is_stopped_while_it_masks_leaves_no_key_header_or_signature_in_any_frame(monkeypatch, iyzico, registered):
    told = []

    def stop(secret):
        told.append(secret)
        if len(told) > registered:
            raise KeyboardInterrupt

    monkeypatch.setattr(masking, "mask_secret", stop)
    monkeypatch.setattr(masking, "_attempts_masked", itertools.count())
    hook = IyzicoHook()
    with pytest.raises(KeyboardInterrupt) as caught:
        hook.get_balance(attempts=1)
    assert len(told) == registered + 1
    shown = list(everything_shown_by(caught.value))
    assert any(name.endswith("hooks/iyzico.py") for name in shown)
    assert [text for text in shown for secret in (*OWN, *told) if shows(text, secret)] == []
    assert not any("IYZWSv2" in text for text in shown)


def test_a_task_that_is_stopped_while_a_proxy_is_waited_for_leaves_its_login_in_no_frame(monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(Socket, "recv_into", stop)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with serve(b"") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:hunter2@127.0.0.1:{proxy.port}")
        connect_to(monkeypatch, "https://iyzico.test", allow_custom_host=True)
        hook = IyzicoHook()
        with pytest.raises(KeyboardInterrupt) as caught:
            hook.get_balance(attempts=1)
        hook.close()
    shown = list(everything_shown_by(caught.value))
    assert any(name.endswith("hooks/connections.py") for name in shown)
    login = base64.b64encode(b"user:hunter2").decode()
    assert [text for text in shown if "hunter2" in text or login in text] == []


@pytest.mark.parametrize("dots", range(100, 200, 7))
def test_a_key_at_the_cut_of_a_long_message_is_blotted_out_first(monkeypatch, dots):
    words = fields(errorMessage=lambda header: f"no merchant has the key{'.' * dots}{API_KEY}{'.' * 50}{header}")
    with serve(quoting(400, words)) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}")
        hook = IyzicoHook()
        seen = hook.poll()
        hook.close()
    assert type(seen) is IyzicoRefusedError
    assert "no merchant has the key" in str(seen)
    assert not shows(str(seen), API_KEY)


def test_settings_and_hooks_show_no_keys_and_take_none_into_a_copy(iyzico):
    hook = IyzicoHook()
    hook.get_balance()
    settings = hook.settings
    for text in (
        repr(settings),
        str(settings),
        repr(asdict(settings)),
        repr(copy.deepcopy(settings)),
        repr(vars(hook)),
        repr(hook),
    ):
        assert not any(shows(text, secret) for secret in OWN)
    with pytest.raises(TypeError, match="read the Connection"):
        pickle.dumps(settings)
    written = pickle.dumps(hook)
    assert not any(secret.encode() in written for secret in OWN)
    for again in (pickle.loads(written), copy.copy(hook), copy.deepcopy(hook)):
        assert again.get_balance().raw == "100.00"
        again.close()
    assert hook.get_balance().raw == "100.00"
    hook.close()


BROKEN = ['{"conn_type": "iyzico", "login": "' + API_KEY + '", "password": "' + SECRET_KEY + '"', "{'conn_type': 'iyzico'}", "[1]", '"x"', '{"conn_tpye": "iyzico"}', '{"port": "x"}']  # fmt: skip


@pytest.mark.parametrize("written", BROKEN)
def test_a_connection_in_the_environment_that_cannot_be_read_is_not_called_missing(monkeypatch, airflow_database, written):
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_BROKEN", written)
    seen = IyzicoHook("iyzico_broken").poll()
    assert type(seen) is IyzicoConfigurationError, seen
    assert "no Connection 'iyzico_broken'" not in str(seen)
    assert "'iyzico_broken'" in str(seen)
    assert not any(shows(str(seen), secret) for secret in OWN)


@pytest.mark.parametrize(
    ("name", "raised"),
    [
        *[(name, error) for name in ("login", "password", "extra") for error in (InvalidToken(), AirflowException(SECRET_KEY))],
        ("password", ValueError(SECRET_KEY)),  # of extra, it says that this is no JSON
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_connection_that_this_worker_cannot_decrypt_is_an_error_of_ours(monkeypatch, name, raised):
    class Encrypted(SimpleNamespace):
        """As Airflow's own, which decrypts a field when it is read."""

    def decrypt(self):
        raise raised

    fields = vars(connection())
    fields.pop(name)
    setattr(Encrypted, name, property(decrypt))
    encrypted = Encrypted(**fields)
    monkeypatch.setattr(IyzicoHook, "get_connection", lambda hook, conn_id: encrypted)
    used = IyzicoHook("payouts")
    used.use(encrypted)
    for hook in (used, IyzicoHook("payouts")):
        with pytest.raises(IyzicoConfigurationError, match=r"'payouts' cannot be read.*fernet_key") as caught:
            hook.get_balance()
        assert not any(secret in text for text in everything_shown_by(caught.value) for secret in OWN)


class OddError(Exception):
    """What the client of some vault raises."""


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (json.JSONDecodeError("Expecting value", SECRET_KEY, 0), IyzicoConfigurationError),
        (ValueError(SECRET_KEY), IyzicoConfigurationError),
        (TypeError(f"unexpected field {SECRET_KEY}"), IyzicoConfigurationError),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, SECRET_KEY), IyzicoConfigurationError),
        (ConnectionRefusedError(SECRET_KEY), IyzicoUnavailableError),
        (TimeoutError(SECRET_KEY), IyzicoUnavailableError),
        (OddError(SECRET_KEY), IyzicoUnavailableError),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_a_secrets_backend_raises_is_an_error_of_ours_and_not_quoted(monkeypatch, raised, kind):
    def fail(hook, conn_id):
        raise raised

    monkeypatch.setattr(IyzicoHook, "get_connection", fail)
    hook = IyzicoHook("payouts")
    with pytest.raises(IyzicoError) as caught:
        hook.get_balance()
    assert type(caught.value) is kind
    assert not any(SECRET_KEY in text for text in everything_shown_by(caught.value))
    ok, message = hook.test_connection()
    assert (ok, "'payouts'" in message) == (False, True)


@pytest.mark.parametrize("raised", [ConnectionRefusedError(), OddError()])
def test_a_connection_that_was_there_stays_in_use_while_its_backend_is_down(iyzico, monkeypatch, raised):
    def fail(hook, conn_id):
        raise raised

    hook = IyzicoHook()
    hook.refresh()
    monkeypatch.setattr(IyzicoHook, "get_connection", fail)
    hook.refresh()
    assert hook.get_balance().raw == "100.00"
    hook.close()
