"""Whom to trust: one place decides, one file is read once, and what cannot be read is named."""

import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
import warnings

import pytest
import trustme
from raw_server import WHOLE, listening, serve, tls_for
from support import connect_to

from airflow_provider_iyzico.errors import (
    IyzicoAnswerError,
    IyzicoCertificateError,
    IyzicoConfigurationError,
    IyzicoUnavailableError,
)
from airflow_provider_iyzico.hooks import trust
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook

VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def no_bundles(monkeypatch):
    for name in (*VARIABLES, "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(trust, "LOOK_AGAIN_SECONDS", 0)
    trust.bundles.clear()


@pytest.fixture
def bundle(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def iyzico(authority, monkeypatch):
    """A server with a certificate of its own, at a name that is not this machine's."""
    context = tls_for(authority, "iyzico.test", "127.0.0.1")
    with serve(WHOLE, tls=context) as server:
        entry = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: [entry])
        yield server


def poll(monkeypatch, host="https://iyzico.test", within_seconds=None, **extra):
    connect_to(monkeypatch, host, **{"allow_custom_host": True, **extra})
    hook = IyzicoHook()
    seen = hook.poll(within_seconds)
    hook.close()
    return seen


def test_the_connection_decides_whom_to_trust_then_the_environment_then_the_usual_bundle(monkeypatch, iyzico, bundle, tmp_path):
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    assert type(poll(monkeypatch)) is IyzicoCertificateError
    monkeypatch.setenv("CURL_CA_BUNDLE", str(bundle))
    assert poll(monkeypatch).raw == "1500.75"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    assert type(poll(monkeypatch)) is IyzicoCertificateError
    assert poll(monkeypatch, ca_bundle=str(bundle)).raw == "1500.75"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    assert poll(monkeypatch, ca_bundle=str(bundle)).raw == "1500.75"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "")
    assert poll(monkeypatch).raw == "1500.75"


def test_a_folder_of_certificates_in_the_environment_is_trusted_as_requests_does(monkeypatch, iyzico, bundle, tmp_path):
    folder = tmp_path / "certificates"
    folder.mkdir()
    if not shutil.which("openssl"):
        pytest.skip("openssl names the files of such a folder")
    name = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", bundle], capture_output=True, text=True, check=True
    ).stdout.strip()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(folder))
    assert type(poll(monkeypatch)) is IyzicoCertificateError
    shutil.copy(bundle, folder / f"{name}.0")
    assert poll(monkeypatch).raw == "1500.75"


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("kind", ["an empty folder", "a folder of other names", "a file of others"])
def test_what_is_trusted_in_vain_is_named_with_a_certificate_that_cannot_be_verified(
    monkeypatch, iyzico, bundle, tmp_path, variable, kind
):
    place = tmp_path / "trusted"
    if kind == "a file of others":
        trustme.CA().cert_pem.write_to_path(str(place))
    else:
        place.mkdir()
    if kind == "a folder of other names":
        shutil.copy(bundle, place / "ca.pem")  # OpenSSL finds only the names that it makes itself
    assert "certifi" in str(poll(monkeypatch))
    monkeypatch.setenv(variable, str(place))
    seen = poll(monkeypatch)
    assert type(seen) is IyzicoCertificateError, seen
    assert f"those of {variable} in the worker's environment" in str(seen)
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    assert "those of ca_bundle of the Connection" in str(poll(monkeypatch, ca_bundle=str(other)))


def wrong_files(tmp_path):
    """Return paths that are no bundle."""
    empty, words, key, broken, pipe, loop = (tmp_path / name for name in ("empty", "words", "key", "broken", "pipe", "loop"))
    empty.touch()
    words.write_text("hunter2 is no certificate")
    pem = trustme.CA().issue_cert("x.test")
    pem.private_key_pem.write_to_path(str(key))
    broken.write_bytes(pem.cert_chain_pems[0].bytes()[:300])
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    return ["/nowhere/hunter2.pem", *map(str, (empty, words, key, broken, pipe, loop)), "hunter2\0", "/dev/zero", "x" * 5000]


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_that_names_no_bundle_is_a_mistake_that_waiting_does_not_mend(monkeypatch, tmp_path, variable):
    for path in wrong_files(tmp_path):
        if "\0" in path:
            continue  # no environment can hold it
        monkeypatch.setenv(variable, path)
        seen = poll(monkeypatch)
        assert type(seen) is IyzicoConfigurationError, (path, seen)
        assert variable in str(seen)
        assert "hunter2" not in str(seen)


def test_a_bundle_of_the_connection_that_is_none_is_refused_before_anything_is_asked(monkeypatch, tmp_path):
    for path in [*wrong_files(tmp_path), str(tmp_path), 7, ["x"]]:
        seen = poll(monkeypatch, ca_bundle=path)
        assert type(seen) is IyzicoConfigurationError, (path, seen)
        assert "ca_bundle" in str(seen)
        assert "hunter2" not in str(seen)


def test_a_bundle_that_disappears_later_is_named_too(monkeypatch, bundle):
    connect_to(monkeypatch, "https://127.0.0.1:1", ca_bundle=str(bundle))
    hook = IyzicoHook()
    assert hook.settings.ca_bundle == str(bundle)
    bundle.unlink()
    seen = hook.poll()
    assert type(seen) is IyzicoConfigurationError
    assert "ca_bundle of the Connection" in str(seen)


def test_a_missing_bundle_that_was_there_before_is_waited_for(monkeypatch, authority, bundle):
    monkeypatch.setattr(trust, "LOOK_AGAIN_SECONDS", 0)
    connect_to(monkeypatch, "https://127.0.0.1:1", ca_bundle=str(bundle))
    hook = IyzicoHook()
    assert "no answer" in str(hook.poll())
    bundle.rename(away := bundle.with_suffix(".new"))
    seen = hook.poll()
    assert type(seen) is IyzicoUnavailableError
    assert "ca_bundle of the Connection names certificates that can no longer be read" in str(seen)
    away.rename(bundle)
    assert "no answer" in str(hook.poll())


def test_a_process_that_may_open_no_more_files_waits_and_says_so(monkeypatch, iyzico, bundle, no_more_files):
    """Nothing is wrong with the bundle, so no gate may fail by it."""
    assert poll(monkeypatch, ca_bundle=str(bundle)).raw == "1500.75"
    connect_to(monkeypatch, "https://iyzico.test", allow_custom_host=True, ca_bundle=str(bundle))
    hook = IyzicoHook()
    hook.refresh()
    trust.bundles.clear()
    with no_more_files():
        unread = hook.poll()
    assert hook.poll().raw == "1500.75"
    hook.close()
    with no_more_files():
        unasked = hook.poll()
    for seen in (unread, unasked):
        assert type(seen) is IyzicoUnavailableError, seen
        assert "this process may open no more files" in str(seen)


def test_the_environment_does_not_decide_for_this_machine(monkeypatch, iyzico):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    assert type(poll(monkeypatch, host=f"https://127.0.0.1:{iyzico.port}")) is IyzicoCertificateError


def test_a_bundle_is_read_once_until_it_changes(monkeypatch, iyzico, bundle):
    loads = []
    load = trust._load
    monkeypatch.setattr(trust, "_load", lambda *args: loads.append(args) or load(*args))
    for _ in range(3):  # three hooks, and each checks its Connection
        assert poll(monkeypatch, ca_bundle=str(bundle)).raw == "1500.75"
    assert len(loads) == 1
    trustme.CA().cert_pem.write_to_path(str(bundle))
    assert type(poll(monkeypatch, ca_bundle=str(bundle))) is IyzicoCertificateError
    assert len(loads) == 2


def test_calls_in_a_row_check_a_bundle_once_a_second(monkeypatch, iyzico, bundle):
    monkeypatch.setattr(trust, "LOOK_AGAIN_SECONDS", 1.0)
    for now in (100.0, 100.9):
        monkeypatch.setattr(trust, "monotonic", lambda now=now: now)
        assert poll(monkeypatch, ca_bundle=str(bundle)).raw == "1500.75"
        bundle.unlink(missing_ok=True)
    monkeypatch.setattr(trust, "monotonic", lambda: 101.1)
    assert type(poll(monkeypatch, ca_bundle=str(bundle))) is IyzicoUnavailableError


@pytest.mark.parametrize("what", ["stat", "read"])
def test_a_bundle_on_a_disk_that_hangs_holds_its_own_account_until_its_timeout_and_no_other(
    monkeypatch, iyzico, bundle, tmp_path, what
):
    slow, is_well, begun = tmp_path / "slow.pem", threading.Event(), []
    shutil.copy(bundle, slow)

    def hang(act):
        def patient(path, *args, **kwargs):
            if path == str(slow):
                begun.append(path)
                is_well.wait(60)
            return act(path, *args, **kwargs)

        return patient

    if what == "stat":
        monkeypatch.setattr(os, "stat", hang(os.stat))
    else:
        monkeypatch.setattr(trust, "_load", hang(trust._load))
    try:
        for _ in range(2):
            started = time.monotonic()
            seen = poll(monkeypatch, ca_bundle=str(slow), timeout=0.5)
            assert time.monotonic() - started < 20
            assert type(seen) is IyzicoUnavailableError, seen
            assert "ca_bundle of the Connection" in str(seen)
            assert poll(monkeypatch, ca_bundle=str(bundle), timeout=20).raw == "1500.75"
        assert len(begun) == 1
    finally:
        is_well.set()
    assert poll(monkeypatch, ca_bundle=str(slow), timeout=20).raw == "1500.75"


@pytest.mark.parametrize("host", ["https://iyzico.test", "http://127.0.0.1:9"])
@pytest.mark.parametrize("seconds", [0, -1, 1e-9])
def test_a_call_whose_time_was_over_before_it_began_says_so_and_suspects_neither_disk_nor_network(
    monkeypatch, bundle, host, seconds
):
    seen = poll(monkeypatch, host, within_seconds=seconds, ca_bundle=str(bundle))
    assert type(seen) is IyzicoUnavailableError
    assert "the time for this call was over before anything was sent" in str(seen)


def test_a_machine_that_can_start_no_thread_for_a_bundle_does_not_suspect_its_disk(monkeypatch, iyzico, bundle):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        seen = poll(patch, ca_bundle=str(bundle))
    assert type(seen) is IyzicoUnavailableError
    assert "cannot start more threads" in str(seen)
    assert poll(monkeypatch, ca_bundle=str(bundle)).raw == "1500.75"


def test_nothing_turns_verification_off_and_old_tls_is_refused(monkeypatch, authority, bundle):
    context = trust.loaded(str(bundle))
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    monkeypatch.setenv("PYTHONHTTPSVERIFY", "0")
    monkeypatch.setenv("CURL_CA_BUNDLE", "")
    connect_to(monkeypatch, "https://127.0.0.1:1", verify=False)
    assert "unknown fields" in str(IyzicoHook().poll())
    old = tls_for(authority, "127.0.0.1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with serve(WHOLE, tls=old) as server:
        seen = poll(monkeypatch, host=f"https://127.0.0.1:{server.port}", ca_bundle=str(bundle))
    assert not hasattr(seen, "raw")


def test_tls_secrets_go_to_no_key_log(monkeypatch, iyzico, bundle, tmp_path):
    log = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(log))
    assert poll(monkeypatch, ca_bundle=str(bundle)).raw == "1500.75"
    assert not log.exists()


#: How a server, or a firewall that inspects TLS, refuses by its settings.
REFUSING = {
    "TLSV1_UNRECOGNIZED_NAME": ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME,
    "TLSV1_ALERT_ACCESS_DENIED": ssl.ALERT_DESCRIPTION_ACCESS_DENIED,
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": ssl.ALERT_DESCRIPTION_INSUFFICIENT_SECURITY,
    "TLSV1_ALERT_UNKNOWN_CA": ssl.ALERT_DESCRIPTION_UNKNOWN_CA,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE,
    "SSLV3_ALERT_BAD_CERTIFICATE": ssl.ALERT_DESCRIPTION_BAD_CERTIFICATE,
}
#: The same of a server that cannot do better now.
FAILING = {
    "TLSV1_ALERT_INTERNAL_ERROR": ssl.ALERT_DESCRIPTION_INTERNAL_ERROR,
    "TLSV1_ALERT_DECODE_ERROR": ssl.ALERT_DESCRIPTION_DECODE_ERROR,
}


@pytest.mark.parametrize("reason", [*REFUSING, *FAILING])
def test_a_refusal_of_tls_is_waited_for_only_if_it_may_pass_and_says_its_reason(monkeypatch, authority, bundle, reason):
    context = tls_for(authority, "localhost")
    context.sni_callback = lambda *args: {**REFUSING, **FAILING}[reason]
    with serve(WHOLE, tls=context) as server:
        seen = poll(monkeypatch, host=f"https://localhost:{server.port}", ca_bundle=str(bundle))
    assert type(seen) is (IyzicoAnswerError if reason in REFUSING else IyzicoUnavailableError), seen
    assert f"({reason})" in str(seen)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_a_client_certificate_is_not_waited_for(monkeypatch, authority, bundle, version):
    """With TLS 1.3 it says so after the handshake and hangs up, perhaps while the request is on its way."""
    context = tls_for(authority, "127.0.0.1")
    context.load_verify_locations(str(bundle))
    context.verify_mode, context.minimum_version, context.maximum_version = ssl.CERT_REQUIRED, version, version
    with serve(WHOLE, tls=context) as server:
        for _ in range(20):
            seen = poll(monkeypatch, host=f"https://127.0.0.1:{server.port}", ca_bundle=str(bundle))
            assert type(seen) is IyzicoAnswerError, seen
            assert "client certificate" in str(seen)


def no_tls(client):
    client.recv(65536)
    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_a_server_without_tls_is_not_waited_for(monkeypatch, bundle):
    with listening(no_tls) as port:
        seen = poll(monkeypatch, host=f"https://127.0.0.1:{port}", ca_bundle=str(bundle))
    assert type(seen) is IyzicoAnswerError, seen
    assert "does not speak TLS" in str(seen)
