"""Print the statements that make the warehouse, or a month as a bank statement, or compute the daily roll-up again."""

from __future__ import annotations

import argparse
import sys

from sqlalchemy import Table
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from airflow_provider_iyzico.errors import WarehouseConfigurationError, WarehouseError, WarehouseRowError
from airflow_provider_iyzico.printing import as_far_as_read, complain, print_every_letter, print_lines
from airflow_provider_iyzico.warehouse import views
from airflow_provider_iyzico.warehouse.bounds import REBUILD
from airflow_provider_iyzico.warehouse.database.by_hand import row_by_hand
from airflow_provider_iyzico.warehouse.database.by_url import URL_VARIABLE, engine_by_url, without_password
from airflow_provider_iyzico.warehouse.database.faults import errors_of, first_line
from airflow_provider_iyzico.warehouse.database.layout import PRINTED_DIALECTS, ddl, dialect_named
from airflow_provider_iyzico.warehouse.database.patience import Watch
from airflow_provider_iyzico.warehouse.database.transaction import transaction
from airflow_provider_iyzico.warehouse.layouts import layout_of
from airflow_provider_iyzico.warehouse.rollup.rebuild import rebuild
from airflow_provider_iyzico.warehouse.statement.command import add_arguments, printed
from airflow_provider_iyzico.warehouse.tables import SNAPSHOT_TABLE, report_tables, snapshot_table
from airflow_provider_iyzico.warehouse.views.dialects import COLUMNAR
from airflow_provider_iyzico.zones import is_zone


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_iyzico.warehouse", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    printer = commands.add_parser("ddl", help="print the CREATE statements of tables and views")
    printer.add_argument("--dialect", default="postgresql", choices=PRINTED_DIALECTS, help="default: postgresql")
    printer.add_argument("--table", default=SNAPSHOT_TABLE, help="default: %(default)s")
    rebuilder = commands.add_parser(
        "rebuild", help=f"compute the daily roll-up again from the snapshots; reads the SQLAlchemy URL from ${URL_VARIABLE}"
    )
    rebuilder.add_argument("--timezone", help="from now on, count the days of all accounts in this IANA time zone")
    teller = commands.add_parser(
        "statement",
        help=f"print a month of the payout balance as a bank statement; reads the SQLAlchemy URL from ${URL_VARIABLE}",
    )
    add_arguments(teller)
    for command in (printer, rebuilder, teller):
        command.add_argument("--schema", help="the schema of the tables and views")
    asked = parser.parse_args(arguments)
    print_every_letter()
    try:
        if asked.command == "rebuild":
            return _rebuild(asked.schema, asked.timezone)
        if asked.command == "statement":
            return _statement(asked)
        print_lines(ddl(layout_of(snapshot_table(asked.table, asked.schema)), dialect_named(asked.dialect)).splitlines())
    except WarehouseError as error:
        complain(error)
        return 2
    return 0


def _statement(asked: argparse.Namespace) -> int:
    """Write the file to standard output, all at once, and a line about it to standard error."""
    content, about = printed(asked)
    with as_far_as_read():
        sys.stdout.buffer.write(content)
    complain(about)
    return 0


def _rebuild(schema: str | None, timezone: str | None) -> int:
    """Rebuild in one transaction, and print what differed. Return 1 if anything did: then something else wrote to the tables."""
    if timezone is not None and not is_zone(timezone):
        raise WarehouseConfigurationError(f"timezone is {timezone!r}; name an IANA time zone, such as 'Europe/Istanbul'")
    differing, by_hand = _rebuilt(schema, timezone)
    if differing is None:
        said = "the roll-up is views over the snapshots here, so nothing had to be rebuilt"
    else:
        said = f"the roll-up is rebuilt; {len(differing)} rows differed from what was kept"
    print_lines([*[f"differed: {each}" for each in differing or []], said])
    if by_hand is not None:
        raise WarehouseRowError(by_hand)
    return 1 if differing else 0


def _rebuilt(schema: str | None, timezone: str | None) -> tuple[list[str] | None, str | None]:
    """Return what differed, and which rows written by hand are wrong in the tables that a rebuild does not compute.

    Nothing can differ where nothing is kept: then the first is ``None``.
    """
    engine = engine_by_url()
    dialect, tables = engine.dialect.name, report_tables(schema)
    if dialect not in views.DIALECTS:
        raise WarehouseConfigurationError(f"it is {dialect}; the reports run on {', '.join(views.DIALECTS)}")
    if dialect in COLUMNAR and timezone is not None:
        raise WarehouseConfigurationError(
            f"on {dialect} the days of an account are cut in the report_timezone of its first snapshot, and no roll-up is kept "
            "that could have another; leave out --timezone"
        )
    try:
        with Watch(REBUILD):
            if dialect in COLUMNAR:
                return None, _by_hand(engine, [snapshot_table(schema=schema), tables.threshold, tables.gate])
            with engine.connect() as connection, transaction(connection):
                differing = rebuild(connection, schema, timezone)
            return differing, _by_hand(engine, [tables.threshold, tables.gate])
    except errors_of(engine) as error:
        raise WarehouseConfigurationError(
            f"the warehouse in ${URL_VARIABLE} cannot be rebuilt: {without_password(engine, first_line(error))}"
        ) from None
    finally:
        engine.dispose()


def _by_hand(engine: Engine, tables: list[Table]) -> str | None:
    """Look through tables that others write, as far as this role may read them."""
    for table in tables:
        try:
            with engine.connect() as connection, transaction(connection):
                if (said := row_by_hand(connection, [table])) is not None:
                    return said
        except DBAPIError as error:
            complain(f"{table.fullname} was not checked: {without_password(engine, first_line(error))}")
    return None


if __name__ == "__main__":
    sys.exit(main())
