"""Columns that keep every digit, microsecond and letter on every database, and the rules of what they hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import TIMESTAMP, Column, DateTime, Numeric
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

#: Texts may be Turkish and are compared letter by letter, and rows are written in transactions, whatever the defaults of MySQL or
#: MariaDB are.
TABLE_OPTIONS: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}


class _SqliteMoney(UserDefinedType):  # type: ignore[type-arg]
    """SQLite keeps NUMERIC as REAL, which is exact for 15 significant digits. The append refuses what needs more."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "NUMERIC(28, 8)"

    def bind_processor(self, dialect: Dialect) -> Callable[[Decimal | None], str | None]:
        return lambda value: None if value is None else format(value, "f")

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Decimal | None]:
        return lambda value: value if value is None else Decimal(format(value, ".15g") if isinstance(value, float) else value)


if TYPE_CHECKING:
    _Amounts = TypeDecorator[Decimal]
    _Moments = TypeDecorator[datetime]
else:
    _Amounts = _Moments = TypeDecorator  # SQLAlchemy 1.4 has no generic types


class Money(_Amounts):
    """``NUMERIC(28, 8)``, or wider for sums, read and written as ``Decimal``. A number that does not fit is refused."""

    impl = Numeric
    cache_ok = True

    def __init__(self, digits: int = 28) -> None:
        super().__init__(digits, 8, asdecimal=True)
        self._limit = Decimal(f"1E{digits - 8}")  # exact in whatever context the caller has

    def amount(self, value: Decimal) -> Decimal:
        """Return a number that fits into the column. SQLite itself would take any.

        :raises ValueError: it is NaN, infinite or larger
        """
        if finite(value).copy_abs() > self._limit:
            raise ValueError(f"{value} is too large an amount")
        return value

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(_SqliteMoney()) if dialect.name == "sqlite" else super().load_dialect_impl(dialect)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        process = super().result_processor(dialect, coltype)
        return process and lru_cache(maxsize=4096, typed=True)(process)  # the payments of a batch share commissions and amounts

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return self.amount(value) if isinstance(value, Decimal) else value  # a column of another type may give any value


def finite(value: Decimal) -> Decimal:
    """Return a decimal that is finite.

    :raises ValueError: it is NaN or infinite
    """
    if not value.is_finite():
        raise ValueError(f"{value} is no amount")
    return value


class _TrinoMoment(TIMESTAMP):
    """Trino keeps milliseconds, unless the type says how many digits."""

    precision = 6


class Instant(_Moments):
    """A moment in UTC with microseconds, without a zone if the database has none."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        if dialect.name in ("bigquery", "oracle"):
            return TIMESTAMP()  # BigQuery's DATETIME knows no UTC, and Oracle would get a DATE
        if dialect.name == "trino":
            return _TrinoMoment(timezone=True)
        return super().load_dialect_impl(dialect)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name in ("sqlite", "mysql", "mariadb", "oracle") else moment

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        process = super().result_processor(dialect, coltype)
        return process and lru_cache(maxsize=1024)(process)  # the rows of a batch share a few moments

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_DAY, _MINUTE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}", r" [0-9]{2}:[0-9]{2}"
#: SQLite compares moments as text. In another spelling they sort in the wrong place, though Python reads them.
SORTED = re.compile(rf"{_DAY}{_MINUTE}:[0-9]{{2}}\.[0-9]{{6}}\Z")
#: Spellings of which the shorter ones sort first in their day or minute.
SORTED_FROM = re.compile(rf"{_DAY}({_MINUTE}(:[0-9]{{2}}(\.[0-9]{{6}}|\+00:00)?)?)?\Z")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a column's values must be, beyond its type. It finds values that were written by hand.

    :param noun: what a value is, if its type does not say it
    :param check: raises ``ArithmeticError``, ``TypeError`` or ``ValueError`` for a value that cannot be used
    :param spelling: the texts of moments that SQLite compares as they should be
    :param may_be_infinite: whether PostgreSQL's ``infinity`` is a moment here
    """

    noun: str | None = None
    check: Callable[[Any], object] | None = None
    spelling: re.Pattern[str] | None = None
    may_be_infinite: bool = False


_NO_RULE = Rule()


def ruled(rule: Rule) -> dict[str, Any]:
    """Return the ``info`` of a column that has a rule."""
    return {"rule": rule}


def rule_of(column: Column[Any]) -> Rule:
    rule: Rule = column.info.get("rule", _NO_RULE)
    return rule
