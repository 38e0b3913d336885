"""For whoever owns the warehouse: print the statements that make it, or compute its daily roll-up anew."""

from __future__ import annotations

import argparse
import os
import sys
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from airflow_provider_iyzico.errors import WarehouseConfigurationError
from airflow_provider_iyzico.warehouse.ddl import DIALECTS, ddl, dialect_named
from airflow_provider_iyzico.warehouse.rebuilding import rebuild
from airflow_provider_iyzico.warehouse.tables import SNAPSHOT_TABLE, snapshot_table

URL_VARIABLE = "IYZICO_WAREHOUSE_URL"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_iyzico.warehouse", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    printer = commands.add_parser("ddl", help="print the CREATE statements of tables and views")
    printer.add_argument("--dialect", default="postgresql", choices=DIALECTS, help="default: postgresql")
    printer.add_argument("--table", default=SNAPSHOT_TABLE)
    rebuilder = commands.add_parser(
        "rebuild", help=f"compute the daily roll-up anew from the snapshots; reads the SQLAlchemy URL from ${URL_VARIABLE}"
    )
    rebuilder.add_argument("--timezone", help="cut the days of all accounts in this IANA time zone from now on")
    for command in (printer, rebuilder):
        command.add_argument("--schema")
    asked = parser.parse_args(arguments)
    try:
        if asked.command == "rebuild":
            return _rebuild(asked.schema, asked.timezone)
        print(ddl(snapshot_table(asked.table, asked.schema), dialect_named(asked.dialect)), end="")
    except WarehouseConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _rebuild(schema: str | None, timezone: str | None) -> int:
    """Rebuild in one transaction, and say which days differed: 1 if any did, because then something wrote past the append."""
    url = os.environ.get(URL_VARIABLE)
    if not url:
        raise WarehouseConfigurationError(f"name the warehouse in ${URL_VARIABLE}, such as postgresql://user@host/database")
    try:
        ZoneInfo(timezone or "UTC")
        engine = create_engine(url)
        with engine.begin() as connection:
            differing = rebuild(connection, schema, timezone)
        engine.dispose()
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise WarehouseConfigurationError(
            f"timezone is {timezone!r}; name an IANA time zone, such as 'Europe/Istanbul'"
        ) from error
    except (SQLAlchemyError, ImportError) as error:
        cause = getattr(error, "orig", None) or error
        raise WarehouseConfigurationError(f"the warehouse in ${URL_VARIABLE} cannot be rebuilt: {cause}") from error
    for each in differing:
        print(f"differed: {each}")
    print(f"the roll-up is rebuilt; {len(differing)} days differed from what was kept")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
