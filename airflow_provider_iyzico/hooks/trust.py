"""Which certificates to trust: those of ``ca_bundle`` in the Connection, else of the environment, else of certifi."""

from __future__ import annotations

import os
import ssl
import stat
import sys
from time import monotonic
from typing import NamedTuple

from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoUnavailableError
from airflow_provider_iyzico.hooks.deadline import Deadline
from airflow_provider_iyzico.hooks.failures import out_of_files
from airflow_provider_iyzico.hooks.sockets import TlsContext
from airflow_provider_iyzico.hooks.waiting import wait_for

#: The variables that ``requests`` reads, in its order.
VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

#: Seconds until a file is checked again. A check takes a thread, which would slow down many quick calls.
LOOK_AGAIN_SECONDS = 1.0
#: If a call had less time than this for the file, its time was over, and the disk need not hang.
SUSPICIOUS_SECONDS = 0.1


class Bundle(NamedTuple):
    """What was read from a file, and when it was last checked."""

    looked_at: float
    stamp: tuple[int, ...]
    context: ssl.SSLContext


#: What was read, by path and by whether it may be a folder. Reading certifi's bundle takes longer than a call.
bundles: dict[tuple[str, bool], Bundle] = {}


def context(ca_bundle: str | None, *, reads_environment: bool, deadline: Deadline) -> ssl.SSLContext:
    """Return the context that verifies certificates and host names for one Connection.

    :param ca_bundle: the file that the Connection names, if it names one
    :raises IyzicoConfigurationError: the bundle cannot be used
    :raises IyzicoUnavailableError: it cannot be read in time, or it could be read before and cannot now
    :raises TimeoutError: there was no time for it
    """
    where = source(ca_bundle, reads_environment=reads_environment)
    variable = _variable(reads_environment)
    path, may_be_directory = ca_bundle, False
    if path is None and variable is not None:
        path, may_be_directory = os.environ[variable], True
    if path is None:
        import certifi

        path = certifi.where()
    known = bundles.get((path, may_be_directory))
    if known is not None and monotonic() - known.looked_at < LOOK_AGAIN_SECONDS:
        return known.context
    seconds = deadline.left()
    try:
        return wait_for(loaded, path, may_be_directory, seconds=seconds)
    except TimeoutError as error:
        if isinstance(error.__cause__, RuntimeError):
            raise IyzicoUnavailableError(
                "this machine cannot start more threads; see what keeps so many, or raise its limit"
            ) from error
        if seconds < SUSPICIOUS_SECONDS:
            raise
        raise IyzicoUnavailableError(
            f"{where} names certificates that could not be read in time; check whether their disk hangs"
        ) from error
    except (OSError, ValueError) as error:
        if problem := out_of_files(error):
            raise problem from error
        if known is not None:  # somebody may be replacing it
            raise IyzicoUnavailableError(f"{where} names certificates that can no longer be read; put them back") from error
        raise IyzicoConfigurationError(
            f"{where} names no PEM file with certificates that this worker can read; correct it"
            + ("" if ca_bundle else ", or name one in ca_bundle of the Connection")
        ) from error


def source(ca_bundle: str | None, *, reads_environment: bool) -> str:
    """Return where the trusted bundle is named."""
    if ca_bundle is not None:
        return "ca_bundle of the Connection"
    return f"{_variable(reads_environment) or 'certifi'} in the worker's environment"


def _variable(reads_environment: bool) -> str | None:
    return next((name for name in VARIABLES if os.environ.get(name)), None) if reads_environment else None


def loaded(path: str, may_be_directory: bool = False) -> ssl.SSLContext:
    """Return the context of one bundle, from memory if the file has not changed.

    :raises OSError: there is no such file, it cannot be read, or it holds no certificate
    :raises ValueError: it is not a path
    """
    looked_at, found = monotonic(), os.stat(path)
    stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
    is_directory = may_be_directory and stat.S_ISDIR(found.st_mode)
    if not is_directory and not stat.S_ISREG(found.st_mode):
        raise OSError("not a file")
    known = bundles.get((path, may_be_directory))
    context = known.context if known is not None and known.stamp == stamp else _load(path, is_directory)
    bundles[path, may_be_directory] = Bundle(looked_at, stamp, context)
    return context


def _load(path: str, is_directory: bool) -> ssl.SSLContext:
    new = TlsContext(ssl.PROTOCOL_TLS_CLIENT)  # it verifies certificate and host name
    new.minimum_version = ssl.TLSVersion.TLSv1_2
    if sys.version_info >= (3, 13):  # as Python's own default contexts do from there on
        new.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    new.set_alpn_protocols(["http/1.1"])
    new.load_verify_locations(**{"capath" if is_directory else "cafile": path})
    return new
