"""The simulator as tests use it: start, stop, change, and look at what happened."""

from __future__ import annotations

import json
import ssl
import threading
from os import PathLike
from types import TracebackType
from typing import Any

from airflow_provider_iyzico.simulator.journal import Effect
from airflow_provider_iyzico.simulator.panel import Panel
from airflow_provider_iyzico.simulator.server import Server
from airflow_provider_iyzico.simulator.world import API_KEY, SECRET_KEY, Seen, World


class Simulator:
    """A simulated iyzico account behind a real socket on 127.0.0.1. Use it in a ``with`` statement.

    :param balance: the mass payout balance, as digits
    :param port: 0 chooses a free one
    :param refusal_status: the HTTP status for refused keys; captures of iyzico show 200 and 401
    :param ssl_context: serves https with this context
    :param journal: a file that also keeps the journal, one effect per line, so that it survives this process
    :param seed: makes request ids and reference codes repeatable
    """

    def __init__(
        self,
        balance: str = "0",
        *,
        port: int = 0,
        api_key: str = API_KEY,
        secret_key: str = SECRET_KEY,
        refusal_status: int = 200,
        ssl_context: ssl.SSLContext | None = None,
        journal: str | PathLike[str] | None = None,
        seed: int | None = None,
    ) -> None:
        self.world = World(balance, api_key, secret_key, refusal_status, journal, seed)
        self.panel = Panel(self.world)
        self._port = port
        self._ssl_context = ssl_context
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Simulator:
        """Listen, and answer from threads of this process until :meth:`stop`.

        :raises RuntimeError: it already runs
        :raises OSError: the port is taken
        """
        if self._server is not None:
            raise RuntimeError("the simulator already runs")
        self.world.stopping.clear()
        self._server = Server(self.world, self._port, self._ssl_context)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="iyzico-simulator", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close all connections and release the port."""
        server, thread, self._server, self._thread = self._server, self._thread, None, None
        if server is not None and thread is not None:
            self.world.stopping.set()
            server.shutdown()
            server.hang_up()
            server.server_close()
            thread.join()

    def __enter__(self) -> Simulator:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def port(self) -> int:
        if self._server is None:
            raise RuntimeError("the simulator is not running; use it in a with statement")
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"{'https' if self._ssl_context else 'http'}://127.0.0.1:{self.port}"

    @property
    def connection(self) -> str:
        """The Connection to this simulator as JSON, for ``AIRFLOW_CONN_IYZICO_DEFAULT``."""
        keys = {"login": self.world.api_key, "password": self.world.secret_key}
        extra = {"account": "simulator", "can_pay": True, "currency": "TRY"}
        return json.dumps({"conn_type": "iyzico", "host": self.url, **keys, "extra": extra})

    @property
    def balance(self) -> str:
        """The balance as digits. If you set it, the difference is a top-up or a withdrawal."""
        return str(self.world.state()["balance"])

    @balance.setter
    def balance(self, amount: str) -> None:
        self.world.set(balance=amount)

    @property
    def seen(self) -> list[Seen]:
        """Every request of the API so far."""
        return self.world.seen()

    @property
    def journal(self) -> list[Effect]:
        """Everything that has had an effect so far, in order: see :data:`~airflow_provider_iyzico.simulator.journal.EFFECTS`."""
        return self.world.effects()

    @property
    def payouts(self) -> list[dict[str, Any]]:
        """Every batch with its items as they are now, without recipients."""
        return self.world.payouts()

    def set(self, **wishes: Any) -> None:
        """Set the balance, or how the simulated iyzico behaves.

        The names are those of :data:`~airflow_provider_iyzico.simulator.switches.SWITCHES` and
        :data:`~airflow_provider_iyzico.simulator.settings.SETTINGS`. With ``clock="stepped"`` only :meth:`advance` moves payouts.

        :raises ControlError: a wish is unknown or makes no sense; nothing was changed
        """
        self.world.set(**wishes)

    def advance(self, seconds: float) -> None:
        """Let this much time pass for payouts, at once."""
        self.world.set(advance_seconds=seconds)

    def fail(self, kind: str, *, on: str | None = None, times: int | None = None, **options: Any) -> None:
        """Let the next requests fail; see :data:`~airflow_provider_iyzico.simulator.faults.FAULTS`.

        :param on: the only call that fails: balance, init, auth, cancel, retrieve or item; ``None`` for all
        :param times: for how many requests; ``None`` until :meth:`heal`
        """
        self.world.set(fault={"kind": kind, "on": on, "times": times, **options})

    def heal(self) -> None:
        """Let nothing go wrong from now on."""
        self.world.set(fault=None)
