"""A statement as SWIFT's MT940, in the letters that SWIFT knows."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from decimal import Decimal
from textwrap import wrap

from airflow_provider_iyzico.errors import WarehouseStatementError
from airflow_provider_iyzico.warehouse.statement.amounts import account_name, check_format, plain
from airflow_provider_iyzico.warehouse.statement.entries import Entry, Kind, Statement
from airflow_provider_iyzico.warehouse.statement.words import text_of

NAME = "MT940"
_ACCOUNT_LETTERS, _REFERENCE_LETTERS, _LINE_LETTERS, _LINES = 35, 16, 65, 6
#: An amount has 15 characters, of which one is the comma.
_DIGITS = 14
#: Letters that do not fall apart into one of SWIFT's and a mark, and signs that labels and ids may have.
_LETTERS = str.maketrans({"ı": "i", "ß": "ss", "_": "-", "@": "(at)"})
_NOT_SWIFT = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]")
#: SWIFT's codes of what an entry is: transfer, charges, returned item, miscellaneous.
_CODES = {
    Kind.PAYOUT: "NTRF",
    Kind.COMMISSION: "NCHG",
    Kind.RETURN: "NRTI",
    Kind.COMMISSION_RETURN: "NCHG",
    Kind.CAME_IN: "NMSC",
    Kind.UNEXPLAINED: "NMSC",
}


def as_mt940(statement: Statement, language: str) -> bytes:
    """Return the whole file, one message.

    :raises WarehouseStatementError: an amount or the account's name does not fit, or another account has the same name in
        SWIFT's letters
    """
    account = _account(statement)
    check_format(statement, NAME, account, most_letters=_ACCOUNT_LETTERS, most_digits=_DIGITS)
    year, month = statement.month.split("-")
    lines = [
        f":20:STMT-{statement.month}-{statement.whose.currency}",
        f":25:{account}",
        f":28C:0{year[2:]}{month}/00001",
        f":60F:{_balance(statement.opening_date, statement, statement.opening)}",
    ]
    for entry in statement.entries:
        lines += [f":61:{_entry(entry)}", *_details(text_of(entry, language))]
    lines += [f":62F:{_balance(statement.closing_date, statement, statement.closing)}", "-"]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _account(statement: Statement) -> str:
    """Return the account's name, by which an import knows where the money was. So no other account may have it.

    Currencies of one account may share its name, as those of a bank account do.
    """
    label, name = account_name(statement.whose), swift(account_name(statement.whose))
    for other in map(account_name, statement.others):
        if other != label and swift(other) == name:
            raise WarehouseStatementError(
                f"{NAME} has only SWIFT's letters, in which the accounts {label!r} and {other!r} are both {name!r}; use "
                "--format camt053 or csv"
            )
    return name


def swift(text: str) -> str:
    """Return a text in SWIFT's letters: Turkish letters without their marks, and a dot for what has no likeness."""
    parts = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return _NOT_SWIFT.sub(".", "".join(each for each in parts if not unicodedata.combining(each)))


def _balance(day: date, statement: Statement, amount: Decimal) -> str:
    return f"{_mark(amount)}{day:%y%m%d}{statement.whose.currency}{_digits(amount)}"


def _entry(entry: Entry) -> str:
    day = f"{entry.local_date:%y%m%d%m%d}"
    return f"{day}{_mark(entry.amount)}{_digits(entry.amount)}{_CODES[entry.kind]}{_reference(entry)}//{_number(entry)}"


def _mark(amount: Decimal) -> str:
    return "D" if amount < 0 else "C"


def _digits(amount: Decimal) -> str:
    return plain(abs(amount), ",")


def _reference(entry: Entry) -> str:
    """Return the batch's name if it fits as it is. The details have it in any case."""
    batch = entry.external_id or ""
    return batch if batch and len(batch) <= _REFERENCE_LETTERS and swift(batch) == batch else "NONREF"


def _number(entry: Entry) -> str:
    return f"{entry.local_date:%y%m}-{entry.number:06}"


def _details(text: str) -> list[str]:
    """Return the lines of an entry's text. Later lines begin with a blank, since a colon or hyphen there has a meaning."""
    lines = wrap(swift(text), _LINE_LETTERS, subsequent_indent=" ", break_on_hyphens=False)
    return [f":86:{lines[0]}", *lines[1:_LINES]]
