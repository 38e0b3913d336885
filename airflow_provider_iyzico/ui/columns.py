"""The views that the page reads, and the columns that it reads of each."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Date, Integer, String, column, table
from sqlalchemy.sql.expression import TableClause

from airflow_provider_iyzico.warehouse.database.types import Instant, Money

_TEXT, _WHOLE, _DAY, _MOMENT, _NUMBER = String(), Integer(), Date(), Instant(), Money(38)
_WHO = {"environment": _TEXT, "account": _TEXT, "currency": _TEXT}
#: Without these there is no page.
COLUMNS: dict[str, dict[str, Any]] = {
    "iyzico_balance_latest": _WHO
    | {"balance": _NUMBER, "observed_at": _MOMENT, "age_minutes": _NUMBER, "is_stale": _WHOLE, "threshold": _NUMBER}
    | {"report_timezone": _TEXT, "cadence_minutes": _WHOLE},
    "iyzico_balance_observed": _WHO
    | {"observed_at": _MOMENT, "balance": _NUMBER, "dag_id": _TEXT, "task_id": _TEXT, "run_id": _TEXT, "snapshot_id": _TEXT},
    "iyzico_balance_daily": _WHO
    | {"local_date": _DAY, "starts_at": _MOMENT, "ends_at": _MOMENT, "opening": _NUMBER, "closing": _NUMBER}
    | {"lowest": _NUMBER, "highest": _NUMBER, "net_change": _NUMBER, "inflow": _NUMBER, "outflow": _NUMBER}
    | {"observations": _WHOLE, "longest_gap_minutes": _NUMBER, "is_complete": _WHOLE, "cadence_minutes": _WHOLE}
    | {"threshold": _NUMBER},
    "iyzico_payout_coverage": _WHO
    | {"dag_id": _TEXT, "task_id": _TEXT, "run_id": _TEXT, "map_index": _WHOLE, "waiting_since": _MOMENT}
    | {"waits_until": _MOMENT, "ended_at": _MOMENT, "minutes_waited": _NUMBER, "required": _NUMBER, "first_balance": _NUMBER}
    | {"shortfall_at_start": _NUMBER, "last_balance": _NUMBER, "outcome": _TEXT, "reason": _TEXT, "polls": _WHOLE},
    "iyzico_balance_runway": _WHO
    | {
        "window_days": _WHOLE,
        "days_in_window": _WHOLE,
        "days_observed": _WHOLE,
        "average_outflow": _NUMBER,
        "p90_outflow": _NUMBER,
    }
    | {"days_at_average": _NUMBER, "days_at_p90": _NUMBER},
}
_ITEMS_AND_TOTALS = {
    f"{part}_{unit}": kind
    for part in ("requested", "invalid", "valid", "cancelled", "paid", "returned", "outstanding", "waiting", "out", "unknown")
    for unit, kind in (("items", _WHOLE), ("total", _NUMBER))
}
_ROLLFORWARD = (
    {"opening": _NUMBER, "came_in": _NUMBER, "left_total": _NUMBER, "left_commission": _NUMBER, "returned_total": _NUMBER}
    | {"returned_commission": _NUMBER, "expected_closing": _NUMBER, "closing": _NUMBER, "unexplained": _NUMBER}
    | {"under_way": _NUMBER}
)
#: A warehouse may lack these, and an older role may not read them. Then the page does without what they answer, and says so.
MORE_COLUMNS: dict[str, dict[str, Any]] = {
    "iyzico_balance_below": _WHO | {"local_date": _DAY, "threshold": _NUMBER, "minutes_below": _NUMBER, "minutes_known": _NUMBER},
    "iyzico_balance_available": _WHO
    | {"balance": _NUMBER, "balance_asked_at": _MOMENT, "held": _NUMBER, "holds": _WHOLE, "held_by": _TEXT, "available": _NUMBER},
    "iyzico_payout_exception": _WHO
    | {"external_id": _TEXT, "item_external_id": _TEXT, "kind": _TEXT, "detail": _TEXT, "since": _MOMENT, "age_hours": _NUMBER}
    | {"amount": _NUMBER},
    "iyzico_payout_summary": _WHO
    | {"external_id": _TEXT, "request_id": _TEXT, "purpose": _TEXT, "state": _TEXT}
    | _ITEMS_AND_TOTALS
    | {"paid_commission": _NUMBER, "returned_commission": _NUMBER, "outstanding_commission": _NUMBER, "unpaid_items": _WHOLE}
    | {"needs_person": _WHOLE, "dag_id": _TEXT, "run_id": _TEXT, "created_at": _MOMENT, "approved_by": _TEXT}
    | {"approved_at": _MOMENT, "authorized_dag_id": _TEXT, "authorized_run_id": _TEXT, "authorized_person": _TEXT}
    | {"authorized_at": _MOMENT, "ended_at": _MOMENT},
    "iyzico_payout_item_report": _WHO
    | {"external_id": _TEXT, "item_external_id": _TEXT, "recipient_type": _TEXT, "recipient_end": _TEXT, "amount": _NUMBER}
    | {"commission": _NUMBER, "status": _TEXT, "meaning": _TEXT, "reference_code": _TEXT, "error": _TEXT, "status_at": _MOMENT}
    | {"seconds_to_paid": _NUMBER},
    "iyzico_payout_event": {"environment": _TEXT, "account": _TEXT, "external_id": _TEXT, "version": _WHOLE, "kind": _TEXT}
    | {"item_external_id": _TEXT, "before": _TEXT, "after": _TEXT, "reason": _TEXT, "dag_id": _TEXT, "task_id": _TEXT}
    | {"run_id": _TEXT, "map_index": _WHOLE, "person": _TEXT, "happened_at": _MOMENT},
    "iyzico_payout_movement": _WHO
    | {"external_id": _TEXT, "not_before": _MOMENT, "happened_at": _MOMENT, "direction": _TEXT, "amount": _NUMBER}
    | {"commission": _NUMBER},
    "iyzico_payout_daily": _WHO | {"local_date": _DAY, "paid_total": _NUMBER, "bounced_total": _NUMBER},
    "iyzico_payout_booking": _WHO
    | {"local_date": _DAY, "happened_at": _MOMENT, "direction": _TEXT, "external_id": _TEXT}
    | {"amount": _NUMBER, "commission": _NUMBER},
    "iyzico_balance_rollforward": _WHO | {"local_date": _DAY} | _ROLLFORWARD | {"observations": _WHOLE, "is_complete": _WHOLE},
    "iyzico_balance_rollforward_month": _WHO
    | {"month": _TEXT}
    | _ROLLFORWARD
    | {"days": _WHOLE, "days_observed": _WHOLE, "complete_days": _WHOLE},
}


def view(name: str, schema: str | None) -> TableClause:
    """Return a view, with the columns that the page reads of it."""
    columns = COLUMNS.get(name) or MORE_COLUMNS[name]
    return table(name, *[column(each, kind) for each, kind in columns.items()], schema=schema)
