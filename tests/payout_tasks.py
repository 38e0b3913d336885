"""Tasks of payouts, run as Airflow runs them; only Airflow's context is written by hand."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from types import SimpleNamespace

from airflow.providers.common.compat.sdk import Asset
from batches import NAME
from payers import BATCH, IBANS, payments

from airflow_provider_iyzico.operators.mass_payout import (
    MassPayoutAuthorizeOperator,
    MassPayoutCancelOperator,
    MassPayoutInitOperator,
    MassPayoutReconcileOperator,
)

PERSONAL = (*IBANS, *(iban[4:] for iban in IBANS), NAME, "salary")
#: Everything happens at once.
AT_ONCE = dict.fromkeys(("RESERVED", "QUEUED", "PROCESSING", "SUCCESS", "FAILED", "DEPOSIT_SUCCESS", "DEPOSIT_FAIL"), 0.0)
QUICK = {"grace_seconds": 0.05}
FOLLOWING = {**QUICK, "settling_seconds": 0, "poll_interval": 0.05, "timeout": 30}


class Events(dict):
    """As Airflow gives them, by asset, which Airflow 3.0 cannot hash."""

    def __getitem__(self, asset):
        if not isinstance(asset, Asset):
            raise TypeError(f"Key should be either an asset or an asset alias, not {type(asset)}")
        return super().__getitem__(asset.uri)


def context(task_id="pay", run_id="manual__1", try_number=1, dag_id="salaries", **more):
    ti = SimpleNamespace(dag_id=dag_id, task_id=task_id, run_id=run_id, map_index=-1, try_number=try_number)
    run = SimpleNamespace(logical_date=None, data_interval_start=None, data_interval_end=None)
    return {"ti": ti, "dag_run": run, **more}


def init(run=None, **parameters):
    given = {"external_id": BATCH, "purpose": "SALARY", **QUICK, **parameters}
    if not {"payments_sql", "payments_path"} & set(given):
        given.setdefault("payments", payments())
    return MassPayoutInitOperator(task_id="start", **given).execute(run or context("start"))


def authorizing(**parameters):
    return MassPayoutAuthorizeOperator(task_id="pay", **{"external_id": BATCH, **FOLLOWING, **parameters})


def authorize(run=None, **parameters):
    return authorizing(**parameters).execute(run or context())


def cancel(run=None, **parameters):
    return MassPayoutCancelOperator(task_id="stop", **{"external_id": BATCH, **QUICK, **parameters}).execute(run or context())


def reconcile(run=None, **parameters):
    given = {"settling_seconds": 0, **QUICK, **parameters}
    return MassPayoutReconcileOperator(task_id="reconcile", **given).execute(run or context("reconcile", dag_id="daily"))


def rows(path, query):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def state(path, external_id=BATCH):
    return rows(path, f"SELECT state FROM iyzico_payout WHERE external_id = '{external_id}'")[0][0]


def calls(bank, call):
    return sum(seen.call == call for seen in bank.seen)
