"""The hook's way to the simulator without sockets: requests are signed as ever, and answered, or not, in this process.

Below the transport nothing is real here: no TCP, no HTTP. A share of the runs goes over real sockets, see ``Wire.is_real``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from http.client import IncompleteRead
from types import SimpleNamespace
from urllib.parse import urlsplit

import staging
from stepped import Stage

from airflow_provider_iyzico.api.secrecy import Secret
from airflow_provider_iyzico.hooks.attempt import current_attempt
from airflow_provider_iyzico.hooks.connections import Adapter
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.hooks.response import FramingError
from airflow_provider_iyzico.hooks.settings import Settings
from airflow_provider_iyzico.hooks.transport import Transport
from airflow_provider_iyzico.simulator import faults, routes
from airflow_provider_iyzico.simulator.wire import Answer, Request
from airflow_provider_iyzico.simulator.world import API_KEY, SECRET_KEY

TIMEOUT_SECONDS = 6.0


class Response:
    """An answer as ``urllib3`` has it."""

    def __init__(self, answer: Answer) -> None:
        self.status, self._body = answer.status, answer.body
        self.headers = {"Content-Type": answer.content_type, **answer.headers}

    def read(self, size: int, **_: object) -> bytes:
        piece, self._body = self._body[:size], self._body[size:]
        return piece

    def close(self) -> None:
        pass


class Exchange:
    """One request, as a fault plays with it: the side of the client."""

    def __init__(self, stage: Stage, request: Request, do: Callable[[], Answer]) -> None:
        self.stage, self.request, self.do = stage, request, do
        self.answer: Answer | None = None

    def headers_of_request(self) -> Mapping[str, str]:
        return self.request.headers

    def send(self, answer: Answer) -> None:
        self.answer = answer

    def send_cut(self, answer: Answer, missing_bytes: int) -> None:
        raise IncompleteRead(answer.body[:-missing_bytes], missing_bytes)

    def send_slowly(self, answer: Answer, seconds: float) -> None:
        self.wait(seconds * len(answer.body))
        self.answer = answer

    def send_blanks(self, size: int) -> None:
        raise FramingError(f"{size} blanks")

    def reset(self) -> None:
        raise ConnectionResetError

    def wait(self, seconds: float) -> None:
        left = current_attempt.get().deadline.left()
        self.stage.pause(min(seconds, left))
        if seconds >= left:
            raise TimeoutError

    def wait_for_hang_up(self, seconds: float) -> None:
        self.wait(seconds)

    def do_later(self, seconds: float) -> None:
        self.stage.world.later(seconds, self.do)


class Wire:
    """Stands where the transport has its adapter.

    :param on_request: told of every request before its first byte leaves; raises where it must not leave
    :param on_answer: told of every answer, and of what came instead
    :param is_real: ask over a real socket
    """

    context = proxy = None

    def __init__(
        self,
        stage: Stage,
        on_request: Callable[[str, Request], None],
        on_answer: Callable[[str, Request, Answer | Exception], None],
        *,
        is_real: bool,
    ) -> None:
        self.stage, self.on_request, self.on_answer = stage, on_request, on_answer
        self.process_id = os.getpid()
        self.real = Adapter(None, None) if is_real else None

    def close(self) -> None:
        if self.real is not None:
            self.real.close()

    def ask(self, prepared, timeout_seconds):
        url, attempt = urlsplit(prepared.url), current_attempt.get()
        body = prepared.body if isinstance(prepared.body, bytes) else b""
        request = Request(prepared.method, url.path, url.query, body, dict(prepared.headers))
        call = str(routes.find(request)[0])
        self.stage.point(f"before {call}")
        attempt.deadline.left()
        self.on_request(call, request)
        try:
            if self.real is not None:
                response = self._over_a_socket(prepared, timeout_seconds)
            else:
                attempt.has_begun = True
                response = self._in_process(call, request)
        except Exception as error:
            self.on_answer(call, request, error)
            raise
        self.on_answer(call, request, Answer(response.status, response._body))
        self.stage.point(f"after {call}")
        return response

    def _over_a_socket(self, prepared, timeout_seconds):
        with self.real.ask(prepared, timeout_seconds) as response:
            body = response.read(decode_content=False)
            kind = response.headers.get("Content-Type", "")
            return Response(Answer(response.status, body, kind, dict(response.headers)))

    def _in_process(self, call: str, request: Request) -> Response:
        world = self.stage.world
        refusal = routes.check_signature(world, request)[1]
        fault = world.take_fault(call)

        def do() -> Answer:
            return routes.answer(world, request, refusal)

        if fault is None:
            return Response(do())
        self.stage.reached["fault", fault.kind, call] += 1
        exchange = Exchange(self.stage, request, do)
        faults.play(fault, exchange, do)
        assert exchange.answer is not None
        return Response(exchange.answer)


class _Heard:
    """A log that the stage keeps."""

    def _hear(self, message: str, *args: object) -> None:
        staging.current[-1].said.append(message % args)

    debug = info = warning = error = exception = _hear


HEARD = _Heard()


class _Hook(IyzicoHook):
    log = HEARD

    def refresh(self, *, was_there=False):
        """Keep what it was made with: no Airflow holds a Connection here."""


class _Transport(Transport):
    wire: Wire

    def _adapter_now(self, deadline):
        return self.wire


def hook_over(wire: Wire, host: str, account: str) -> IyzicoHook:
    """A hook that asks over this wire, with the simulator's keys."""
    extra = f'{{"account": "{account}", "can_pay": true, "currency": "TRY", "timeout": {TIMEOUT_SECONDS}}}'
    fields = {"conn_id": "iyzico_default", "conn_type": "iyzico", "host": host, "port": None, "extra": extra}
    settings = Settings.read(Secret(SimpleNamespace(login=API_KEY, password=SECRET_KEY, **fields)))
    hook = _Hook()
    hook._settings = settings
    transport = _Transport(settings, on_secrets=lambda secrets: None)
    transport.wire = wire
    hook.__dict__["_transport"] = transport
    return hook
