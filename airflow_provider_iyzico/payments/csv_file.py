"""Payments in a CSV file: UTF-8 with or without a byte order mark, commas or semicolons, and our names as its header."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airflow_provider_iyzico.errors import PaymentsError, restated
from airflow_provider_iyzico.payments.checking import OPTIONAL, REQUIRED

#: A file without line ends, such as an image or a dump, would be read into memory as one line.
LONGEST_LINE = 65_536


def csv_rows(lines: Iterable[str], path: str) -> Iterator[Mapping[str, Any]]:
    """Return the rows of a file, one by one.

    :param lines: of a file opened with ``encoding="utf-8-sig", newline=""``, each of at most ``LONGEST_LINE`` characters
    :param path: for messages
    :raises PaymentsError: it is no such file; the message quotes no row, and neither its frames nor its causes hold one
    """
    try:
        yield from _rows(lines, path)
        return
    except UnicodeDecodeError:  # it holds a piece of the file
        wrong = PaymentsError(f"{path} is not UTF-8; save it as 'CSV UTF-8'")
    except csv.Error as error:
        wrong = PaymentsError(f"{path} is not a CSV file: {error}")
    except PaymentsError as error:
        wrong = restated(error)
    raise wrong  # here, where error trackers see no row


def _rows(lines: Iterable[str], path: str) -> Iterator[Mapping[str, Any]]:
    lines = _short_lines(lines, path)
    header = next(lines, "")
    delimiter = ";" if header.count(";") > header.count(",") else ","
    names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter, strict=True), [])]
    _check_header(names, path)
    for number, fields in enumerate(csv.reader(lines, delimiter=delimiter, strict=True), 2):
        if not any(field.strip() for field in fields):
            continue
        if len(fields) != len(names):
            raise PaymentsError(f"record {number} of {path} has {len(fields)} fields, its header {len(names)}; correct it")
        yield dict(zip(names, fields, strict=True))


def _short_lines(lines: Iterable[str], path: str) -> Iterator[str]:
    for line in lines:
        if len(line) >= LONGEST_LINE:
            raise PaymentsError(f"{path} has a line of {LONGEST_LINE} characters or more, which is no payment; name a CSV file")
        yield line


def _check_header(names: list[str], path: str) -> None:
    known = {*REQUIRED, *OPTIONAL}
    unknown, missing = sorted(set(names) - known), [name for name in REQUIRED if name not in names]
    if missing or unknown or len(set(names)) < len(names):
        said = [f"lacks {', '.join(missing)}"] if missing else []
        said += [f"has {len(unknown)} unknown columns"] if unknown else []
        said += ["names a column twice"] if len(set(names)) < len(names) else []
        raise PaymentsError(f"the header of {path} {' and '.join(said)}; its columns are {', '.join([*REQUIRED, *OPTIONAL])}")
