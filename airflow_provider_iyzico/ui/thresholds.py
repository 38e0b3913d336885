"""For how many days the balance stays at its threshold or above, by the outflow of iyzico_balance_runway."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from airflow_provider_iyzico.ui.questions import digits

#: Days are rounded in this context, whatever context the caller has.
_ROUNDED = Context(prec=60, rounding=ROUND_HALF_UP)


def with_days_to_threshold(windows: list[dict[str, Any]], latest: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the windows of the runway, each with ``threshold_at_average`` and ``threshold_at_p90``.

    :param windows: as the page shows them, with amounts as digits
    :param latest: the newest balance and the threshold, in the same way
    """
    places = (("threshold_at_average", "average_outflow"), ("threshold_at_p90", "p90_outflow"))
    return [
        window | {name: days_until(latest["balance"], latest["threshold"], window[outflow]) for name, outflow in places}
        for window in windows
    ]


def days_until(balance: str, threshold: str | None, outflow: str | None) -> str | None:
    """Return after how many days the balance reaches its threshold.

    It is zero if the balance is there, and ``None`` if there is no threshold or no outflow, or nobody knows the outflow.
    """
    if threshold is None or outflow is None or Decimal(outflow) <= 0:
        return None
    left = max(_ROUNDED.subtract(Decimal(balance), Decimal(threshold)), Decimal(0))
    return digits(_ROUNDED.quantize(_ROUNDED.divide(left, Decimal(outflow)), Decimal("0.01")))
