"""``python -m airflow_provider_iyzico.warehouse statement``: a month of the payout balance, printed as a bank statement."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from airflow_provider_iyzico.errors import WarehouseConfigurationError
from airflow_provider_iyzico.warehouse.bounds import STATEMENT
from airflow_provider_iyzico.warehouse.database.by_url import URL_VARIABLE, engine_by_url, without_password
from airflow_provider_iyzico.warehouse.database.exact import exactly
from airflow_provider_iyzico.warehouse.database.faults import errors_of, first_line
from airflow_provider_iyzico.warehouse.database.names import check_identifier
from airflow_provider_iyzico.warehouse.database.patience import Watch
from airflow_provider_iyzico.warehouse.statement.amounts import plain
from airflow_provider_iyzico.warehouse.statement.entries import Statement, statement_of
from airflow_provider_iyzico.warehouse.statement.figures import Figures
from airflow_provider_iyzico.warehouse.statement.formats import FORMATS
from airflow_provider_iyzico.warehouse.statement.read import read_figures
from airflow_provider_iyzico.warehouse.statement.words import LANGUAGES, remarks


def add_arguments(parser: ArgumentParser) -> None:
    """Add what the command takes, but for the schema."""
    parser.add_argument("--account", required=True, help="the account's label")
    parser.add_argument("--month", required=True, help="the month, such as 2026-11; it must be over")
    parser.add_argument("--format", required=True, choices=tuple(FORMATS))
    parser.add_argument("--environment", help="production or sandbox, if the account has both")
    parser.add_argument("--currency", help="the currency, such as TRY, if the account has several")
    parser.add_argument(
        "--language",
        default="en",
        choices=LANGUAGES,
        help="the language of the texts; a Turkish CSV has semicolons and decimal commas (default: %(default)s)",
    )


@exactly
def printed(asked: Namespace) -> tuple[bytes, str]:
    """Return the whole file, and a line about it for a person.

    :raises WarehouseError: there is no such statement, and why
    """
    if asked.schema is not None:
        check_identifier(asked.schema, "--schema")
    statement = statement_of(_figures(asked))
    return FORMATS[asked.format].write(statement, asked.language), _about(statement)


def _figures(asked: Namespace) -> Figures:
    engine = engine_by_url()
    try:
        with Watch(STATEMENT):
            return read_figures(engine, asked.schema, asked.month, asked.account, asked.environment, asked.currency)
    except errors_of(engine) as error:
        raise WarehouseConfigurationError(
            f"the warehouse in ${URL_VARIABLE} cannot be read: {without_password(engine, first_line(error))}"
        ) from None
    finally:
        engine.dispose()


def _about(statement: Statement) -> str:
    said = (
        f"{statement.whose} {statement.month}: opening {plain(statement.opening)}, {len(statement.entries)} entries, "
        f"closing {plain(statement.closing)}, unexplained {plain(statement.unexplained)}"
    )
    return "; ".join(filter(None, (said, remarks(statement, "en"))))
