"""Print what a DBA needs: python -m airflow_provider_iyzico.warehouse ddl --dialect postgresql"""

from __future__ import annotations

import argparse
import sys

from airflow_provider_iyzico.errors import WarehouseConfigurationError
from airflow_provider_iyzico.warehouse.tables import DIALECTS, SNAPSHOT_TABLE, ddl, dialect_named, snapshot_table


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_iyzico.warehouse", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    printer = commands.add_parser("ddl", help="print the CREATE statements")
    printer.add_argument("--dialect", default="postgresql", choices=DIALECTS, help="default: postgresql")
    printer.add_argument("--table", default=SNAPSHOT_TABLE)
    printer.add_argument("--schema")
    asked = parser.parse_args(arguments)
    try:
        print(ddl(snapshot_table(asked.table, asked.schema), dialect_named(asked.dialect)), end="")
    except WarehouseConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
