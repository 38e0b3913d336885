"""What a socket, TLS or a garbled answer means: the one place that names it."""

from __future__ import annotations

import socket
import ssl

from airflow_provider_iyzico.errors import IyzicoAnswerError, IyzicoCertificateError, IyzicoError, IyzicoUnavailableError
from airflow_provider_iyzico.hooks.http1 import FramingError

_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (socket.gaierror, "its name could not be resolved"),
    (ConnectionRefusedError, "the connection was refused"),
    (ConnectionResetError, "the connection was reset"),
    (EOFError, "the answer broke off"),
    (ssl.SSLEOFError, "the connection was closed while TLS began"),
    (TimeoutError, "it took too long"),
)
#: What OpenSSL calls a server that speaks something else than TLS, or no version of it that is still safe.
_NO_TLS = frozenset(
    {
        "HTTP_REQUEST",
        "PACKET_LENGTH_TOO_LONG",
        "RECORD_LAYER_FAILURE",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "UNKNOWN_PROTOCOL",
        "UNSUPPORTED_PROTOCOL",
        "WRONG_VERSION_NUMBER",
    }
)

#: Everything that the modules below the transport raise, but for errors of ours.
FAILURES = (OSError, EOFError, FramingError, UnicodeError)


def named(failure: Exception, whom: str, *, lasting: type[IyzicoError] = IyzicoAnswerError) -> IyzicoError:
    """Return the error of ours that a failure is.

    :param whom: who was spoken to, for the message
    :param lasting: what it is if it cannot pass, such as a server that speaks no HTTP
    """
    match failure:
        case ssl.SSLCertVerificationError():
            return IyzicoCertificateError(
                f"the certificate of {whom} could not be verified: {failure.verify_message}; "
                "if a proxy re-signs TLS, name its CA in ca_bundle of the Connection"
            )
        case ssl.SSLError() if failure.reason in _NO_TLS:
            return lasting(
                f"{whom} does not speak TLS 1.2 or newer ({failure.reason}); check the address, the port and the proxy"
            )
        case FramingError():
            return lasting(f"{whom} answered with {failure}, which is not believed; look for a proxy or firewall in between")
        case UnicodeError():
            return lasting(f"{whom} has a name that cannot be looked up; check the address")
    words = next((words for kind, words in _WORDS if isinstance(failure, kind)), type(failure).__name__)
    return IyzicoUnavailableError(f"no answer from {whom}: {words}; check the network, the proxy, and whether iyzico is up")
