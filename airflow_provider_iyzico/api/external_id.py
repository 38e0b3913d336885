"""Your own name for a batch, by which it is paid once, and by which its money is set aside."""

from __future__ import annotations

import re

from airflow_provider_iyzico.errors import IyzicoConfigurationError

_EXTERNAL_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}\Z")


def read_external_id(value: object, name: str = "external_id") -> str:
    """Read what a DAG author gave, after templates were rendered.

    :param name: of the parameter
    :raises IyzicoConfigurationError: it is empty, ``None`` or "None", longer than 64, or holds another character
    """
    if value is None or (isinstance(value, str) and value.strip() in ("", "None")):
        raise IyzicoConfigurationError(
            f"{name} is {value!r}; is the name in a template misspelled, or did the upstream task return nothing?"
        )
    if not isinstance(value, str):
        raise IyzicoConfigurationError(f"{name} is a {type(value).__name__}; give text, such as 'salaries-2026-11'")
    if not _EXTERNAL_ID.match(value):
        raise IyzicoConfigurationError(
            f"{name} is {value[:80]!r}, {len(value)} characters long; use 1 to 64 letters (A to Z), digits, and . _ : -"
        )
    return value
