"""A simulated iyzico, on this machine only: for demos, and for tests of this package and of your DAGs.

It verifies signatures with its own code, answers as iyzico's documentation says, pays batches by its own clock, fails if you
ask it to, and remembers what it was asked and what it did::

    with Simulator(balance="100.00") as iyzico:
        monkeypatch.setenv("AIRFLOW_CONN_IYZICO_DEFAULT", iyzico.connection)
        iyzico.fail("429", times=2, retry_after="1")
        ...
        iyzico.balance = "5000.00"

For what nobody has seen iyzico do, there is a switch: see :data:`~airflow_provider_iyzico.simulator.switches.SWITCHES` for
payouts, and
:data:`~airflow_provider_iyzico.simulator.switches.HABITS` for every answer, such as ``iyzico.set(habits=["gzip"])``.

It shares no code with the client, so that the two cannot agree on a mistake.
"""

from airflow_provider_iyzico.simulator.balance import FORMS
from airflow_provider_iyzico.simulator.faults import FAULTS
from airflow_provider_iyzico.simulator.journal import EFFECTS, Effect
from airflow_provider_iyzico.simulator.panel import Panel
from airflow_provider_iyzico.simulator.settings import SETTINGS
from airflow_provider_iyzico.simulator.simulator import Simulator
from airflow_provider_iyzico.simulator.switches import HABITS, SWITCHES
from airflow_provider_iyzico.simulator.wishes import ControlError
from airflow_provider_iyzico.simulator.world import Seen

__all__ = [
    "Simulator",
    "Panel",
    "Seen",
    "Effect",
    "EFFECTS",
    "FAULTS",
    "FORMS",
    "HABITS",
    "SETTINGS",
    "SWITCHES",
    "ControlError",
]
