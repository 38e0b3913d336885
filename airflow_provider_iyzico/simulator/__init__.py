"""iyzico in a box, on this machine only: for tests, demos and your own DAGs' tests.

It verifies signatures with code of its own, answers as iyzico documents, misbehaves on request, and remembers what it was asked::

    with Simulator(balance="100.00") as iyzico:
        monkeypatch.setenv("AIRFLOW_CONN_IYZICO_DEFAULT", iyzico.connection)
        iyzico.fail("429", times=2, retry_after="1")
        ...
        iyzico.balance = "5000.00"

It can also have habits that nobody has seen iyzico have, such as ``iyzico.set(habits=["gzip"])``: see
:data:`~airflow_provider_iyzico.simulator.world.HABITS`.

Nothing here is shared with the client, so that the two cannot agree on a mistake.
"""

from airflow_provider_iyzico.simulator.server import Simulator
from airflow_provider_iyzico.simulator.world import FAULTS, FORMS, HABITS, Seen

__all__ = ["FAULTS", "FORMS", "HABITS", "Seen", "Simulator"]
