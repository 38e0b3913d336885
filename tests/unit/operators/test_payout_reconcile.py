"""MassPayoutReconcileOperator: the ledger is compared with iyzico, and nobody is paid."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, Asset
from payers import BATCH
from payout_tasks import Events, authorize, calls, context, init, reconcile, rows, state

from airflow_provider_iyzico.errors import IyzicoConfigurationError, PayoutUnpaidError
from airflow_provider_iyzico.operators.mass_payout import MassPayoutReconcileOperator

NOTHING = {"read": 0, "changed": 0, "ended": 0, "reopened": 0, "needs_person": 0}


def test_an_empty_ledger_has_nothing_to_reconcile_and_may_be_the_wrong_one(bank, caplog, capsys):
    assert reconcile() == NOTHING
    assert "this ledger knows no payout of the account" in caplog.text + capsys.readouterr().out
    caplog.clear()
    init()
    assert reconcile() == {**NOTHING, "read": 1}
    assert "knows no payout" not in caplog.text + capsys.readouterr().out


def test_it_counts_what_it_read_and_changed_and_says_so_to_an_asset(bank, sqlite_warehouse):
    init()
    bank.panel.authorize(BATCH)
    extra = {}
    told = reconcile(context("reconcile", outlet_events=Events(day=SimpleNamespace(extra=extra))), outlets=[Asset("day")])
    assert told == extra == {**NOTHING, "read": 1, "changed": 1}
    assert reconcile() == {**NOTHING, "read": 1, "changed": 1, "ended": 1}
    assert state(sqlite_warehouse) == "ended"
    assert calls(bank, "auth") == 0


def test_a_payment_that_bounced_fails_it_by_name_after_everything_is_written(bank, sqlite_warehouse):
    init()
    authorize()
    bank.set(fates={"item-1": "bounced"})
    with pytest.raises(AirflowFailException, match=r"1 batches need a person.*\n- .*had ended.*'item-1' \(DEPOSIT_SUCCESS\)"):
        reconcile()
    assert rows(sqlite_warehouse, "SELECT status FROM iyzico_payout_item WHERE item_external_id = 'item-1'") == [
        ("DEPOSIT_SUCCESS",)
    ]
    assert calls(bank, "auth") == 1


def test_an_iyzico_that_is_down_is_left_to_airflows_retries(bank):
    init()
    bank.fail("503", on="retrieve")
    with pytest.raises(PayoutUnpaidError, match="could not be read"):
        reconcile()


@pytest.mark.parametrize("parameters", [{"days": -1}, {"days": "7"}, {"settling_seconds": None}, {"iyzico_conn_id": ""}])
def test_wrong_parameters_are_refused_when_the_dag_file_is_parsed(parameters):
    with pytest.raises(IyzicoConfigurationError, match=next(iter(parameters))):
        MassPayoutReconcileOperator(task_id="reconcile", **parameters)


@pytest.mark.parametrize("days", [timedelta(days=14), timedelta(days=14).total_seconds(), float("nan"), True])
def test_days_that_are_none_are_told_to_be_days(days):
    with pytest.raises(IyzicoConfigurationError, match="days is .*give days, zero or more, and 3660 at most"):
        MassPayoutReconcileOperator(task_id="reconcile", days=days)
