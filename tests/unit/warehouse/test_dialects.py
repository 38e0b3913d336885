"""Databases that cannot be run here: what is sent to them is at least what their own grammar allows, as sqlglot knows it."""

import re
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace

import pytest

from airflow_provider_iyzico.warehouse.database import rows
from airflow_provider_iyzico.warehouse.database.layout import ddl, dialect_named
from airflow_provider_iyzico.warehouse.database.types import Instant
from airflow_provider_iyzico.warehouse.gate import Gate, Progress, _write
from airflow_provider_iyzico.warehouse.layouts import layout_of
from airflow_provider_iyzico.warehouse.tables import report_tables, snapshot_table
from airflow_provider_iyzico.warehouse.task import TaskInstance
from airflow_provider_iyzico.warehouse.views import view_names

sqlglot = pytest.importorskip("sqlglot", reason="sqlglot is not here; `make warehouses` has it")
#: By the name of SQLAlchemy's dialect, the name of sqlglot's.
GRAMMARS = {
    "postgresql": "postgres",
    "sqlite": "sqlite",
    "mysql": "mysql",
    "snowflake": "snowflake",
    "bigquery": "bigquery",
    "redshift": "redshift",
    "trino": "trino",
    "mssql": "tsql",
    "oracle": "oracle",
}
#: The type of a moment, which must have microseconds.
MOMENTS = {
    "postgresql": "TIMESTAMP WITH TIME ZONE",
    "sqlite": "DATETIME",
    "mysql": "DATETIME(6)",
    "snowflake": "TIMESTAMP_TZ",
    "bigquery": "TIMESTAMP",
    "redshift": "TIMESTAMP WITH TIME ZONE",
    "trino": "TIMESTAMP(6) WITH TIME ZONE",
    "mssql": "DATETIMEOFFSET",
    "oracle": "TIMESTAMP",
}
_VALUE = re.compile(r"%\([^)]*\)s|%s|(?<!:):\w+|\?")


@pytest.fixture(params=GRAMMARS)
def dialect(request):
    return dialect_named(request.param)


def parsed(dialect, script):
    """The statements of a script, with values left out."""
    grammar = GRAMMARS[dialect.name]
    found = sqlglot.parse(_VALUE.sub("NULL", script), read=grammar, error_level=sqlglot.ErrorLevel.RAISE)
    statements = [each for each in found if each is not None]
    assert not any(isinstance(each, sqlglot.exp.Command) for each in statements)
    return statements


class Recorder:
    """Stands for engine and connection, and notes what would be sent."""

    def __init__(self, dialect):
        self.dialect, self.said = dialect, []

    @contextmanager
    def connect(self):
        yield self

    @contextmanager
    def begin(self):
        yield self

    def exec_driver_sql(self, said, values=None):
        if values is not None:  # settings of a session are not parsed
            self.said.append(said)
        return SimpleNamespace(rowcount=0)

    def execute(self, statement, _values=None):
        self.said.append(str(statement.compile(dialect=self.dialect)))
        return SimpleNamespace(rowcount=0, first=lambda: None)


@pytest.mark.parametrize("schema", [None, "finance"])
def test_tables_and_views_are_in_the_grammar_of_each_database(dialect, schema):
    script = re.sub(r"--[^\n]*", "", ddl(layout_of(snapshot_table(schema=schema)), dialect))
    if dialect.name == "oracle":
        script = script.replace(f"INDEX {schema}.", "INDEX ")  # sqlglot does not know that Oracle's indexes have a schema
    statements = parsed(dialect, script)
    created = [
        each.this.find(sqlglot.exp.Table).name.lower() for each in statements if each.args.get("kind") in ("TABLE", "VIEW")
    ]
    assert {*view_names(dialect.name), "iyzico_balance_snapshot", "iyzico_payout_gate"} <= set(created)
    assert len(created) == len(set(created))


def test_amounts_are_decimal_in_each_database(dialect):
    script = ddl(layout_of(report_tables().gate), dialect)
    kinds = {each.name.lower(): each.args["kind"] for each in parsed(dialect, script)[0].find_all(sqlglot.exp.ColumnDef)}
    assert kinds["batch_total"].is_type("decimal", "decimal(28, 8)") or "28" in kinds["batch_total"].sql()
    assert [each.name for each in kinds["batch_total"].find_all(sqlglot.exp.DataTypeParam)] == ["28", "8"]


def test_moments_have_microseconds_in_each_database(dialect):
    assert Instant().compile(dialect=dialect) == MOMENTS[dialect.name]


def test_an_append_is_in_the_grammar_of_each_database(dialect, make_row):
    recorder = Recorder(dialect)
    rows.add(recorder, snapshot_table(), make_row())
    (insert,) = parsed(dialect, recorder.said[0])
    assert isinstance(insert, sqlglot.exp.Insert)
    is_conditional = dialect.name not in rows.ENFORCES_KEYS
    assert (insert.find(sqlglot.exp.Exists) is not None) == is_conditional
    if is_conditional:
        conditions = [each for each in insert.find_all(sqlglot.exp.Select) if each.args.get("where")]
        assert all(each.find(sqlglot.exp.From) for each in conditions)


def test_the_record_of_a_gate_is_in_the_grammar_of_each_database(dialect):
    recorder, now = Recorder(dialect), datetime(2026, 11, 22, tzinfo=UTC)
    gate = Gate(TaskInstance("d", "t", "r", -1, 1, None, None, None), "a", "production", "TRY", Decimal(1), Decimal(0), now)
    _write(recorder, report_tables().gate, gate, Progress("opened", 1, begins=True))
    kinds = [type(parsed(dialect, each)[0]).__name__ for each in recorder.said]
    assert kinds == ["Update", "Update", "Select", "Insert"]
