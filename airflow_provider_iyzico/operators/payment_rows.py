"""Where the payments of a batch come from: a list, a query, or a file. Rows pass one by one, and none is logged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy.exc import OperationalError, ProgrammingError, SQLAlchemyError

from airflow_provider_iyzico.bridge.storage import shown_path, stored_lines
from airflow_provider_iyzico.bridge.warehouse import warehouse_engine
from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoError, PaymentsError, Retry
from airflow_provider_iyzico.payments.checking import OPTIONAL, REQUIRED
from airflow_provider_iyzico.payments.csv_file import LONGEST_LINE, csv_rows
from airflow_provider_iyzico.sensors.literals import is_rendered_later
from airflow_provider_iyzico.warehouse.bounds import PAYMENTS
from airflow_provider_iyzico.warehouse.database.faults import first_line, is_passing
from airflow_provider_iyzico.warehouse.database.patience import Watch

#: So many rows are fetched from the database at a time.
_FETCHED = 1000
_NO_LIST = "payments is not a list of dicts; if it is a template, set render_template_as_native_obj=True"
Rows = Iterator[Mapping[str, Any]]


@contextmanager
def payment_rows(payments: object, sql: object, conn_id: str | None, path: object) -> Iterator[Rows]:
    """Open the one source that an author named.

    :raises IyzicoConfigurationError: none is named, or several are
    :raises PaymentsError: it cannot be read; where that may pass, a retry is safe
    """
    check_source(payments, sql, conn_id, path)
    if sql is not None and conn_id is not None:
        with _queried(str(sql), conn_id) as rows:
            yield rows
    elif path is not None:
        with stored_lines(str(path), longest=LONGEST_LINE, seconds=PAYMENTS.whole_seconds) as lines:
            yield csv_rows(lines, shown_path(str(path)))
    else:
        yield _listed(payments)


def check_source(payments: object, sql: object, conn_id: object, path: object) -> None:
    """Refuse payments that come from nowhere, or from several places.

    :raises IyzicoConfigurationError: they do
    """
    sources = {"payments": payments, "payments_sql": sql, "payments_path": path}
    given = [name for name, value in sources.items() if value is not None]
    if len(given) != 1 or (sql is None) is not (conn_id is None):
        raise IyzicoConfigurationError(
            f"payments are given by {', '.join(given) or 'nothing'}; give exactly one of payments, payments_sql with "
            "payments_conn_id, and payments_path"
        )


def check_listed(payments: object) -> None:
    """Refuse what is no list of payments and no template of one, before the task runs.

    :raises IyzicoConfigurationError: it is neither
    """
    if payments is not None and not is_rendered_later(payments) and not isinstance(payments, (list, tuple)):
        raise IyzicoConfigurationError(_NO_LIST)


def _listed(payments: object) -> Rows:
    if not isinstance(payments, (list, tuple)) or not all(isinstance(each, Mapping) for each in payments):
        raise IyzicoConfigurationError(_NO_LIST)
    return iter(payments)


@contextmanager
def _queried(sql: str, conn_id: str) -> Iterator[Rows]:
    with Watch(PAYMENTS) as watch, warehouse_engine(conn_id, named_in="payments_conn_id") as engine:
        has_run = False
        try:
            with engine.connect() as connection:
                options = {"no_parameters": True, "stream_results": True}
                with closing(connection.execution_options(**options).exec_driver_sql(sql)) as result:
                    names = [str(name).lower() for name in result.keys()]  # noqa: SIM118 - it is no dict
                    has_run = True
                    _check_names(names, conn_id)
                    yield (dict(zip(names, row, strict=True)) for row in result.yield_per(_FETCHED))
        except IyzicoError:
            raise
        except Exception as error:  # noqa: BLE001 - a driver is anybody's code
            if watch.seconds_left <= 0:
                raise PaymentsError(
                    f"the query of payments_sql over Connection {conn_id!r} took longer than {PAYMENTS.whole_seconds} s; let it "
                    "compute less, or look what locks its tables; a retry is safe",
                    retry=Retry.SAFE,
                ) from None
            what = "a row of payments_sql cannot be read" if has_run else "the query of payments_sql failed"
            said = _said(error, has_run=has_run)
            lasts = isinstance(error, SQLAlchemyError) and not is_passing(error)
            raise PaymentsError(
                f"{what} over Connection {conn_id!r}: {said}", retry=Retry.NEVER if lasts else Retry.SAFE
            ) from None


def _check_names(names: list[str], conn_id: str) -> None:
    if twice := [name for name in (*REQUIRED, *OPTIONAL) if names.count(name) > 1]:
        raise PaymentsError(
            f"the query of payments_sql over Connection {conn_id!r} gives a column twice: {', '.join(twice)}; name each once"
        )


def _said(error: Exception, *, has_run: bool) -> str:
    """Return what a driver says of a query that cannot be run. Of rows that cannot be read it may quote one, so only its kind."""
    kind = type(getattr(error, "orig", None) or error).__name__
    is_about_the_query = not has_run and isinstance(error, (ProgrammingError, OperationalError))
    return f"{kind}: {first_line(error)}" if is_about_the_query else kind
