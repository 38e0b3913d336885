"""Turns the errors of sockets, TLS, broken answers and libraries into ours."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from http.client import HTTPException, IncompleteRead

from requests import RequestException
from urllib3.exceptions import DecodeError, HTTPError

from airflow_provider_iyzico.errors import IyzicoAnswerError, IyzicoCertificateError, IyzicoError, IyzicoUnavailableError
from airflow_provider_iyzico.hooks.response import FramingError

_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (socket.gaierror, "its name could not be resolved"),
    (ConnectionRefusedError, "the connection was refused"),
    (ConnectionResetError, "the connection was reset"),
    (BrokenPipeError, "the connection was closed"),
    (EOFError, "the answer broke off"),
    (IncompleteRead, "the answer broke off"),
    (ssl.SSLEOFError, "the connection was closed while TLS began"),
    (TimeoutError, "it took too long"),
    (RuntimeError, "this machine cannot start more threads"),
)
#: OpenSSL's names for a server that does not speak TLS, or only unsafe versions of it.
_NO_TLS = frozenset(
    {
        "HTTP_REQUEST",
        "PACKET_LENGTH_TOO_LONG",
        "RECORD_LAYER_FAILURE",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "UNKNOWN_PROTOCOL",
        "UNSUPPORTED_PROTOCOL",
        "WRONG_VERSION_NUMBER",
    }
)
#: OpenSSL's names for refusals of either side that last until somebody changes a setting.
_TLS_REFUSED = frozenset(
    {
        "DH_KEY_TOO_SMALL",
        "LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED",
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "SSLV3_ALERT_NO_CERTIFICATE",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "TLSV1_ALERT_ACCESS_DENIED",
        "TLSV1_ALERT_EXPORT_RESTRICTION",
        "TLSV1_ALERT_INSUFFICIENT_SECURITY",
        "TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
        "TLSV1_ALERT_UNKNOWN_CA",
        "TLSV1_UNRECOGNIZED_NAME",
        "UNSAFE_LEGACY_RENEGOTIATION_DISABLED",
    }
)

#: Everything that the modules and libraries below the transport raise, except our own errors.
FAILURES = (OSError, EOFError, FramingError, ValueError, RequestException, HTTPError, HTTPException)


def named(failure: BaseException, whom: str, *, trusted: str, lasting: type[IyzicoError] = IyzicoAnswerError) -> IyzicoError:
    """Return our error for a failure.

    :param whom: the other side, for the message
    :param trusted: where the trusted certificates are named
    :param lasting: the class of a failure that does not pass by itself, such as a server that does not speak HTTP
    """
    root = _root(failure)
    if problem := out_of_files(root):
        return problem
    match root:
        case ssl.SSLCertVerificationError():
            return IyzicoCertificateError(
                f"the certificate of {whom} could not be verified with those of {trusted}: {root.verify_message}; "
                "if a proxy re-signs TLS, name its CA in ca_bundle of the Connection"
            )
        case ssl.SSLError() if root.reason in _NO_TLS:
            return lasting(f"{whom} does not speak TLS 1.2 or newer ({root.reason}); check the address, the port and the proxy")
        case ssl.SSLError() if root.reason in _TLS_REFUSED:
            return lasting(
                f"no TLS with {whom} ({root.reason}): it may not know the name, or may require other encryption or a client "
                "certificate, which this package does not have; check the address, and look for a proxy or firewall in between"
            )
        case FramingError():
            return lasting(f"{whom} answered with {root}, which is not believed; look for a proxy or firewall in between")
        case DecodeError():  # of many codings at once
            return lasting(f"{whom} answered with a compressed body, which nobody asked for; look for a proxy in between")
        case ValueError():
            return lasting(f"{whom} has a name that cannot be looked up; check the address")
    words = _words(root)
    return IyzicoUnavailableError(f"no answer from {whom}: {words}; check the network, the proxy, and whether iyzico is up")


def out_of_files(failure: BaseException) -> IyzicoUnavailableError | None:
    """Return our error if this process may open no more files, sockets included. That says nothing about the other side."""
    if not isinstance(failure, OSError) or failure.errno not in (errno.EMFILE, errno.ENFILE):
        return None
    return IyzicoUnavailableError(
        "this process may open no more files and sockets; raise its limit (ulimit -n), or see what keeps so many open"
    )


def _words(root: BaseException) -> str:
    if words := next((words for kind, words in _WORDS if isinstance(root, kind)), None):
        return words
    if isinstance(root, ssl.SSLError) and root.reason:
        return f"TLS failed ({root.reason})"
    if isinstance(root, OSError) and root.errno and not isinstance(root, ssl.SSLError):
        return os.strerror(root.errno)
    return type(root).__name__


def _root(failure: BaseException) -> BaseException:
    """Return what ``urllib3`` and ``requests`` wrapped. They pass it on as the cause or as an argument.

    The context is not asked: what is raised while a user's own error is handled would lead to that.
    """
    while inner := failure.__cause__ or next((one for one in failure.args if isinstance(one, BaseException)), None):
        failure = inner
    return failure
