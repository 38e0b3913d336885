"""A file of payments at a path that Airflow's object storage reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_iyzico.bridge.versions import object_storage_path
from airflow_provider_iyzico.errors import IyzicoError, PaymentsError, Retry

_CORRECT_THE_FILE = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
#: Keys before the host of an address, and all that comes after a question mark, as in a link that was signed.
_LOGIN, _QUERY = re.compile(r"(?<=://)[^@]*:.*@"), re.compile(r"\?.*", re.DOTALL)
_CORRECT_THE_PATH = (AirflowNotFoundException, ImportError, ValueError)


def shown_path(path: str) -> str:
    """Return a path as messages show it: without a login, and without what may be a signature."""
    return _QUERY.sub("?***", _LOGIN.sub("***@", path)) if "://" in path else path


@contextmanager
def stored_payments(path: str) -> Iterator[TextIO]:
    """Open a file of payments to be read as CSV.

    :raises PaymentsError: it cannot be read; where that may pass, a retry is safe
    """
    problem = f"the payments at {shown_path(path)!r} cannot be read"
    try:
        with object_storage_path(path).open("r", encoding="utf-8-sig", newline="") as file:
            yield file
    except IyzicoError:
        raise
    except _CORRECT_THE_FILE as error:
        raise PaymentsError(f"{problem}: {type(error).__name__}; correct it") from None
    except _CORRECT_THE_PATH as error:
        raise PaymentsError(
            f"{problem} ({type(error).__name__}); name a path that Airflow's object storage can read, install the "
            "provider of that storage, and add its Connection"
        ) from None
    except Exception as error:  # noqa: BLE001 - a storage is anybody's code, and may quote a key
        raise PaymentsError(f"{problem} now: {type(error).__name__}", retry=Retry.SAFE) from None
