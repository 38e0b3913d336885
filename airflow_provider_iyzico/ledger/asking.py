"""Asking iyzico about a batch of the ledger, for a person: the one place where the command meets the network and Airflow."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout

from airflow_provider_iyzico.api.payout import MassPayout
from airflow_provider_iyzico.bridge.versions import read_connections_by_hand
from airflow_provider_iyzico.errors import IyzicoConfigurationError, IyzicoNoSuchPayoutError
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.ledger.batches import LedgerBatch
from airflow_provider_iyzico.ledger.ledger import Ledger
from airflow_provider_iyzico.ledger.reading import with_items_left_out


def read_at_iyzico(conn_id: str, ledger: Ledger, batch: LedgerBatch) -> MassPayout | None:
    """Return the batch as iyzico has it; nothing where it answers that it knows none.

    :raises IyzicoConfigurationError: the Connection is that of another account
    :raises IyzicoError: iyzico cannot be asked, or its answer is not believed
    """
    read_connections_by_hand()
    hook = IyzicoHook(conn_id)
    try:
        with redirect_stdout(sys.stderr):  # where Airflow 2 logs
            settings, of = hook.settings, batch.account
            if (settings.environment, settings.account) != (of.environment, of.account):
                raise IyzicoConfigurationError(
                    f"Connection {conn_id!r} belongs to {settings.account} ({settings.environment}), and {batch} does not; name "
                    "its own Connection with --conn-id"
                )
            if batch.request_id is not None:
                found = hook.retrieve_mass_payout(request_id=batch.request_id)
                return with_items_left_out(ledger, batch, found, hook.retrieve_mass_payout_item)
            return hook.retrieve_mass_payout(external_id=batch.external_id)
    except IyzicoNoSuchPayoutError:
        return None
    finally:
        hook.close()
