"""A payout scheduled by money, in the four real processes: it starts on the crossing, once, also when the triggerer dies."""

from __future__ import annotations

import pytest
from sandbox import ROOT, airflow_environment
from stack import AirflowStack
from support import AIRFLOW_VERSION

from airflow_provider_iyzico.simulator import Simulator

DAG_ID = "iyzico_payout_on_balance"
#: The example with a watcher and a gate that poll every second; nothing else differs.
EVERY_SECOND = (("poll_seconds=60", "poll_seconds=1"), ("poke_interval=60", "poke_interval=1"))
#: Another asset, for another DAG, with an equal watcher: Airflow runs one trigger for both.
EQUAL = """
other = Asset("other", watchers=[AssetWatcher(name="other", trigger=MassPayoutBalanceTrigger("iyzico_default", AMOUNT, poll_seconds=1))])

with DAG("other", schedule=[other], start_date=pendulum.datetime(2026, 1, 1), catchup=False):

    @task
    def notice() -> None:
        pass

    notice()
"""
#: A watcher for the other direction shares the poll of the others.
LOW = """
fell = MassPayoutBalanceTrigger("iyzico_default", AMOUNT, poll_seconds=1, direction="below")

with DAG("low", schedule=[Asset("low", watchers=[AssetWatcher(name="low", trigger=fell)])], start_date=pendulum.datetime(2026, 1, 1)):

    @task
    def tell() -> None:
        pass

    tell()
"""

pytestmark = [
    pytest.mark.timeout(1500),
    pytest.mark.skipif(AIRFLOW_VERSION < (3, 0), reason="Airflow 2 has no watchers"),
]


@pytest.fixture(scope="module")
def iyzico():
    with Simulator("9000.00") as simulator:
        yield simulator


@pytest.fixture(scope="module")
def airflow(iyzico, tmp_path_factory):
    folder = tmp_path_factory.mktemp("airflow")
    source = (ROOT / "dags" / f"{DAG_ID}.py").read_text()
    for given, wanted in EVERY_SECOND:
        assert given in source
        source = source.replace(given, wanted)
    (folder / "dags").mkdir()
    (folder / "dags" / f"{DAG_ID}.py").write_text(source + EQUAL + LOW)
    environment = airflow_environment(
        folder / "home", iyzico=iyzico.connection, warehouse=folder / "warehouse.db", dags=folder / "dags"
    )
    with AirflowStack(environment, folder / "processes") as stack:
        stack.wait_until_ready(DAG_ID, "other", "low")
        yield stack


def wait_for_polls(airflow, iyzico, times=4):
    seen = len(iyzico.seen)
    airflow.wait_until("the watcher looks", lambda: len(iyzico.seen) >= seen + times)


def payloads(airflow, status):
    """Return the balances for which there were events of that status, by asset."""
    found = {}
    for event in airflow.call("GET", "/api/v2/assets/events")["asset_events"]:
        if event["extra"]["payload"]["status"] == status:
            found.setdefault(event["asset_id"], []).append(event["extra"]["payload"]["balance"])
    return list(found.values())


def events(airflow):
    """Return the balances for which there were events, those of the one asset if they are those of the other."""
    ours, *others = payloads(airflow, "open") or [[]]
    assert others == [ours] * bool(ours)
    return ours


def low_events(airflow):
    """Return the balances that were told as low."""
    return [balance for balances in payloads(airflow, "below") for balance in balances]


def runs(airflow):
    """Return the states of the runs, those of the one DAG if they are those of the other."""
    ours, others = (
        [run["state"] for run in airflow.call("GET", f"/api/v2/dags/{dag_id}/dagRuns")["dag_runs"]]
        for dag_id in (DAG_ID, "other")
    )
    return ours if ours == others else None


def test_the_crossing_starts_one_payout_and_a_restart_of_the_triggerer_starts_none(airflow, iyzico):
    wait_for_polls(airflow, iyzico)
    assert events(airflow) == []  # there was enough from the start: nothing was crossed
    iyzico.balance = "10.00"
    wait_for_polls(airflow, iyzico)
    airflow.wait_until("the low balance is told", lambda: low_events(airflow) == ["10.00"])
    iyzico.balance = "7000.00"
    airflow.wait_until("the payout ran", lambda: runs(airflow) == ["success"])
    assert events(airflow) == ["7000.00"]

    airflow.stop("triggerer")
    airflow.start("triggerer")
    wait_for_polls(airflow, iyzico)
    assert (events(airflow), runs(airflow)) == (["7000.00"], ["success"])

    iyzico.balance = "20.00"
    wait_for_polls(airflow, iyzico)
    airflow.wait_until("the low balance is told again", lambda: sorted(low_events(airflow)) == ["10.00", "20.00"])
    if AIRFLOW_VERSION >= (3, 3):  # before, Airflow does not keep what a watcher saw
        airflow.stop("triggerer")
        iyzico.balance = "8000.00"  # nobody is looking
        airflow.start("triggerer")
    iyzico.balance = "8000.00"
    airflow.wait_until("the second payout ran", lambda: runs(airflow) == ["success", "success"])
    wait_for_polls(airflow, iyzico)
    assert sorted(events(airflow)) == ["7000.00", "8000.00"]
    assert sorted(low_events(airflow)) == ["10.00", "20.00"]  # once each, whatever was restarted in between
