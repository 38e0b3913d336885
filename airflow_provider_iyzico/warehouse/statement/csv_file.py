"""A statement as CSV, as a spreadsheet in Turkey or elsewhere opens it without help."""

from __future__ import annotations

import csv
from io import StringIO

from airflow_provider_iyzico.warehouse.formulas import without_formula
from airflow_provider_iyzico.warehouse.statement.amounts import plain
from airflow_provider_iyzico.warehouse.statement.entries import Statement
from airflow_provider_iyzico.warehouse.statement.words import note_of, remarks, word

COLUMNS = (
    "environment",
    "account",
    "currency",
    "local_date",
    "entry",
    "external_id",
    "item_count",
    "amount",
    "balance",
    "note",
)


def as_csv(statement: Statement, language: str) -> bytes:
    """Return the whole file: the opening balance, the entries and the closing balance, each with the balance after it.

    Amounts keep all their digits. Turkish spreadsheets want semicolons and decimal commas.
    """
    separator, decimal_sign = (";", ",") if language == "tr" else (",", ".")
    whose = statement.whose
    labels = [without_formula(each) for each in (word(whose.environment, language), whose.account, whose.currency)]
    file = StringIO(newline="")
    writer = csv.writer(file, delimiter=separator)
    writer.writerow([word(name, language) for name in COLUMNS])
    opening, closing = (plain(amount, decimal_sign) for amount in (statement.opening, statement.closing))
    writer.writerow([*labels, statement.opening_date, word("opening", language), "", "", "", opening, ""])
    for entry in statement.entries:
        batch, amount = without_formula(entry.external_id or ""), plain(entry.amount, decimal_sign)
        figures = (entry.items or "", amount, plain(entry.balance, decimal_sign))
        writer.writerow([*labels, entry.local_date, word(entry.kind, language), batch, *figures, note_of(entry, language)])
    last = remarks(statement, language)
    writer.writerow([*labels, statement.closing_date, word("closing", language), "", "", "", closing, last])
    return file.getvalue().encode("utf-8-sig")  # spreadsheets know UTF-8 by its mark
