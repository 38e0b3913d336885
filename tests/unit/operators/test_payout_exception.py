"""MassPayoutExceptionOperator: loud while something needs a person, and quiet otherwise."""

import json
import logging

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from payers import BATCH
from payout_tasks import PERSONAL, authorize, context, init, rows
from support import connect

from airflow_provider_iyzico.errors import IyzicoConfigurationError, PayoutExceptionsError, WarehouseUnavailableError
from airflow_provider_iyzico.operators.mass_payout import MassPayoutExceptionOperator


def check(**parameters):
    return MassPayoutExceptionOperator(task_id="exceptions", **parameters).execute(context("exceptions"))


@pytest.fixture
def log(monkeypatch, caplog):
    monkeypatch.setattr(MassPayoutExceptionOperator, "log", logging.getLogger("check"))
    caplog.set_level(logging.INFO, "check")
    return caplog


def test_it_is_quiet_while_every_payment_is_accounted_for(bank, log):
    init()
    authorize()
    assert check() == {"exceptions": 0}
    assert [each.levelname for each in log.records if "needs a person" in each.message] == ["INFO"]


def test_a_payment_that_did_not_arrive_fails_it_without_retries_by_name_and_without_personal_data(bank, sqlite_warehouse):
    init()
    bank.set(fates={"item-1": "never_returned"})
    with pytest.raises(AirflowFailException):
        authorize(timeout=0.5)
    with pytest.raises(AirflowFailException) as failed:
        check()
    assert isinstance(failed.value.__cause__, PayoutExceptionsError)
    said = str(failed.value)
    assert "simulator (sandbox): 1 need a person: 1 item_failed\n" in said
    assert f"- item_failed: '{BATCH}' item 'item-1' (FAILED)" in said
    assert not [each for each in PERSONAL if each in said]


def test_it_asks_the_ledger_only(bank):
    init()
    asked = len(bank.seen)
    check()
    assert len(bank.seen) == asked


def test_where_there_is_no_ledger_it_fails_and_makes_none(bank, sqlite_warehouse):
    with pytest.raises(
        AirflowFailException, match="WarehouseTableError: .*no ledger can be read here, so name the Connection of the ledger"
    ):
        check()
    assert rows(sqlite_warehouse, "SELECT count(*) FROM sqlite_master") == [(0,)]


def test_an_account_without_a_label_is_refused(bank, monkeypatch):
    connect(monkeypatch, bank, account=None)
    with pytest.raises(AirflowFailException, match="extra has no account"):
        check()


def test_a_ledger_that_does_not_answer_is_left_to_airflows_retries(bank, monkeypatch):
    gone = {"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "schema": "x"}
    monkeypatch.setenv("AIRFLOW_CONN_IYZICO_WAREHOUSE", json.dumps(gone))
    with pytest.raises(WarehouseUnavailableError):
        check()


@pytest.mark.parametrize("parameters", [{"iyzico_conn_id": ""}, {"ledger_conn_id": ""}, {"iyzico_conn_id": "{{ ti }}"}])
def test_wrong_parameters_are_refused_when_the_dag_file_is_parsed(parameters):
    with pytest.raises(IyzicoConfigurationError, match=next(iter(parameters))):
        MassPayoutExceptionOperator(task_id="exceptions", **parameters)
