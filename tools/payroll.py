"""A made-up payroll of three people, for the demo, the tests and ``make airflow``. Its recipients are nobody's."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

MONTHS = ("2026-11", "2026-12")
#: By person: how they are paid, where to, their name, and how much.
PEOPLE = {
    "ayse": ("IBAN", "TR330006100519786457841326", "Ayşe Demirtaş", "1250.00"),
    "veli": ("PHONE", "+905329876543", "Veli Karacabey", "980.50"),
    "zeynep": ("IDENTITY_NUMBER", "52837461950", "Zeynep Karaoglu", "2269.50"),
}
#: Amounts are text, because SQLite keeps numbers as floats.
_TABLE = """CREATE TABLE payroll (
    month TEXT, item_external_id TEXT, recipient_type TEXT, recipient_info TEXT, recipient_name TEXT,
    amount TEXT, description TEXT
)"""


def make_payroll(path: Path) -> str:
    """Make the database, and return the Connection to it as JSON."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(_TABLE)
        rows = [(month, f"{person}-{month}", *of, "salary") for month in MONTHS for person, of in PEOPLE.items()]
        connection.executemany("INSERT INTO payroll VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    return json.dumps({"conn_type": "sqlite", "host": str(path)})
