"""A payout on the wire: what goes out, what comes back, what its statuses mean, and the five calls."""

from airflow_provider_iyzico.api.payout.batch import Batch, Payment
from airflow_provider_iyzico.api.payout.initiated import Initiated, InvalidItem
from airflow_provider_iyzico.api.payout.retrieved import Item, MassPayout

__all__ = ["Batch", "Payment", "Initiated", "InvalidItem", "MassPayout", "Item"]
