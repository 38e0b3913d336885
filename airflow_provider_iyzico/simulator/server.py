"""The simulator's HTTP server, on the standard library alone."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import ssl
import struct
import threading
import time
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from airflow_provider_iyzico.simulator.signature import Refusal, check
from airflow_provider_iyzico.simulator.world import API_KEY, SECRET_KEY, ControlError, Fault, Seen, World

BALANCE_PATH = "/v1/mass/payout/balance"
CONTROL_PATH = "/simulator"
HUGE_BYTES = 64 * 1024 * 1024
JSON = "application/json;charset=UTF-8"
HTML = "text/html"
PAGE = b"<!DOCTYPE html><html><body><h1>Request blocked</h1></body></html>"


class Simulator:
    """A simulated iyzico account behind a real socket on 127.0.0.1, for use with ``with``.

    :param balance: the mass payout balance, as digits
    :param port: 0 chooses a free one
    :param refusal_status: HTTP status of refused keys; iyzico has been seen to use 200 and 401
    :param ssl_context: serve https with it
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
    ) -> None:
        self.world = World(balance, api_key, secret_key, refusal_status)
        self._port = port
        self._ssl_context = ssl_context
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Simulator:
        """Listen, and answer from threads of this process until :meth:`stop`.

        :raises RuntimeError: it runs already
        :raises OSError: the port is taken
        """
        if self._server is not None:
            raise RuntimeError("the simulator runs already")
        self.world.stopping.clear()
        self._server = _Server(self.world, self._port, self._ssl_context)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="iyzico-simulator", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Hang up on everybody and release the port."""
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
        return json.dumps({"conn_type": "iyzico", "host": self.url, **keys, "extra": {"account": "simulator"}})

    @property
    def balance(self) -> str:
        return str(self.world.state()["balance"])

    @balance.setter
    def balance(self, amount: str) -> None:
        self.world.set(balance=amount)

    @property
    def seen(self) -> list[Seen]:
        """Every request of the API so far."""
        return self.world.seen()

    def set(self, **wishes: Any) -> None:
        """Set balance, form, latency_seconds or habits.

        See :data:`~airflow_provider_iyzico.simulator.world.FORMS` and :data:`~airflow_provider_iyzico.simulator.world.HABITS`.
        """
        self.world.set(**wishes)

    def fail(self, kind: str, *, times: int | None = None, **options: Any) -> None:
        """Let the next requests go wrong; see :data:`~airflow_provider_iyzico.simulator.world.FAULTS`.

        :param times: for how many requests; ``None`` until :meth:`heal`
        """
        self.world.set(fault={"kind": kind, "times": times, **options})

    def heal(self) -> None:
        """Let nothing go wrong from now on."""
        self.world.set(fault=None)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = False
    block_on_close = True

    def __init__(self, world: World, port: int, ssl_context: ssl.SSLContext | None) -> None:
        self.world = world
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)
        if ssl_context is not None:
            self.socket = ssl_context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that hang up are part of the play."""

    def hang_up(self) -> None:
        for request in list(self._open):
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._route()

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: requests carry keys."""

    @property
    def world(self) -> World:
        return self.server.world

    def _route(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if url.path.startswith(CONTROL_PATH):
            self._control(url.path, body)
        else:
            self._api(url.path, url.query, body)

    def _control(self, path: str, body: bytes) -> None:
        """The door beside the API: state, wishes, and what was seen."""
        try:
            match (self.command, path):
                case ("GET", "/simulator"):
                    self._send_json(200, self.world.state())
                case ("POST", "/simulator"):
                    self.world.set(**_read_wishes(body))
                    self._send_json(200, self.world.state())
                case ("GET", "/simulator/seen"):
                    self._send_json(200, [seen.public() for seen in self.world.seen()])
                case ("DELETE", "/simulator/seen"):
                    self.world.forget()
                    self._send_json(200, [])
                case _:
                    self._send_json(404, {"error": "try GET or POST /simulator, GET or DELETE /simulator/seen"})
        except ControlError as error:
            self._send_json(400, {"error": str(error)})

    def _api(self, path: str, query: str, body: bytes) -> None:
        if not path.startswith("/v1/"):
            self._refuse(Refusal("404", "There is nothing here"), 404)
            return
        received_at = time.time()
        random_key, refusal = self._check(path, query, body)
        fault = self.world.take_fault()
        self.world.remember(
            Seen(
                method=self.command,
                path=path,
                query=query,
                body=body.decode(errors="replace"),
                random_key=random_key,
                refusal=refusal.code if refusal else None,
                fault=fault.kind if fault else None,
                received_at=received_at,
                headers=dict(self.headers.items()),
            )
        )
        if self.world.latency_seconds:
            self.world.stopping.wait(self.world.latency_seconds)
        if fault is not None:
            self._misbehave(fault)
        elif refusal is not None:
            self._refuse(refusal, self.world.refusal_status)
        elif (self.command, path) != ("GET", BALANCE_PATH):
            self._refuse(Refusal("404", "This call is not simulated"), 404)
        elif (missing := self._missing(query)) is not None:
            refusal = Refusal("11", f"Invalid request: {missing}")
            self._refuse(refusal, 200 if self.world.has("refuses_with_200") else 400)
        else:
            self._send(200, self._balance())

    def _check(self, path: str, query: str, body: bytes) -> tuple[str, Refusal | None]:
        """Return the random key of a request, and why its signature is refused, if it is."""
        world = self.world
        signed_path = f"{path}?{query}" if query and world.has("signs_query") else path
        signed_body = body or (b"{}" if world.has("signs_empty_object") else b"")
        header = self.headers.get("Authorization")
        random_key, refusal = check(header, signed_path, signed_body, world.api_key, world.secret_key)
        if refusal is None and world.has("refuses_reuse") and world.was_used(random_key):
            refusal = Refusal("1000", "Random key was used before")
        return random_key, refusal

    def _missing(self, query: str) -> str | None:
        """Say what an otherwise good request lacks."""
        locale = parse_qs(query).get("locale", [""])[0]
        if self.world.has("locale_any_case"):
            locale = locale.lower()
        if locale not in ("tr", "en", *([""] if self.world.has("locale_optional") else [])):
            return "locale must be tr or en"
        has_type = (self.headers.get("Content-Type") or "").startswith("application/json")
        return None if has_type or self.world.has("content_type_optional") else "Content-Type must be application/json"

    def _balance(self) -> bytes:
        world, now = self.world, time.time() - (3600 if self.world.has("hour_behind") else 0)
        clock = f'"systemTime":{round(now) if world.has("seconds") else round(now * 1000)},'
        more = ',"currency":"TRY"' if world.has("names_currency") else ""
        more += f',"signature":"{"0" * 64}"' if world.has("signs_answers") else ""
        return f'{{"status":"success",{"" if world.has("no_clock") else clock}"balance":{world.balance_json()}{more}}}'.encode()

    def _refuse(self, refusal: Refusal, status: int) -> None:
        self._send_json(
            status,
            {
                "status": "failure",
                "errorCode": refusal.code,
                "errorMessage": refusal.message,
                "locale": "tr",
                "systemTime": round(time.time() * 1000),
            },
        )

    def _misbehave(self, fault: Fault) -> None:
        options = fault.options
        match fault.kind:
            case "timeout":
                self.world.stopping.wait(120)
                self._reset()
            case "reset":
                self._reset()
            case "cut":
                answer = self._http(200, self._balance(), JSON, {})
                self.wfile.write(answer[:-10])
                self.close_connection = True
            case "failure":
                refusal = Refusal(str(options.get("code", "1")), str(options.get("message", "System error")))
                self._refuse(refusal, 200)
            case "html":
                self._send(int(options.get("status", 200)), PAGE, HTML)
            case "truncated":
                self._send(200, self._balance()[:-10])
            case "drip":
                self._drip(self._http(200, self._balance(), JSON, {}), float(options.get("seconds", 0.2)))
            case "redirect":
                location = str(options.get("location", "/v1/mass/payout/balance?locale=tr"))
                self._send(int(options.get("status", 302)), b"", HTML, Location=location)
            case "huge":
                self._stream(HUGE_BYTES)
            case "echo":
                quoted = " ".join(f"{name}={value}" for name, value in self.headers.items())
                body = json.dumps({"status": "failure", "errorCode": "1000", "errorMessage": f"Invalid signature {quoted}"})
                if options.get("escaped"):
                    body = body.replace("/", "\\/").replace("Y", "\\u0059")
                self._send(401, body.encode())
            case status:
                wish = options.get("retry_after")
                headers = {} if wish is None else {"Retry-After": str(wish)}
                self._send_json(
                    int(status),
                    {"status": "failure", "errorCode": options.get("code"), "errorMessage": options.get("message")},
                    **headers,
                )

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _drip(self, answer: bytes, seconds: float) -> None:
        for position in range(len(answer)):
            self.wfile.write(answer[position : position + 1])
            if self.world.stopping.wait(seconds):
                break
        self.close_connection = True

    def _stream(self, size: int) -> None:
        chunk = b" " * 65536
        self.wfile.write(self._http(200, b"", JSON, {}).replace(b"Content-Length: 0", f"Content-Length: {size}".encode()))
        for _ in range(size // len(chunk)):
            self.wfile.write(chunk)
        self.close_connection = True

    def _send_json(self, status: int, value: Any, **headers: str) -> None:
        self._send(status, f"{json.dumps(value)}\n".encode(), JSON, **headers)

    def _send(self, status: int, body: bytes, content_type: str = JSON, **headers: str) -> None:
        if content_type == JSON and not self.path.startswith(CONTROL_PATH):
            body, content_type, headers = self._dressed(body, headers)
        self.wfile.write(self._http(status, body, content_type, headers))

    def _dressed(self, body: bytes, headers: dict[str, str]) -> tuple[bytes, str, dict[str, str]]:
        """Return body, type and headers of an answer in JSON, as the habits have it."""
        has, content_type = self.world.has, JSON
        if has("byte_order_mark"):
            body = b"\xef\xbb\xbf" + body
        if has("latin5"):
            content_type = "application/json;charset=ISO-8859-9"
        if has("text_type"):
            content_type = "text/json"
        if has("gzip"):
            body, headers = gzip.compress(body), {**headers, "Content-Encoding": "gzip"}
        if has("signs_answers"):
            headers = {**headers, "X-Iyzi-Signature": "0" * 64}
        return body, content_type, headers

    def _http(self, status: int, body: bytes, content_type: str, headers: dict[str, str]) -> bytes:
        """Return a whole answer, so that it leaves in one piece."""
        lines = [
            f"HTTP/1.1 {status} {responses.get(status, '')}",
            f"Content-Type: {content_type}",
            f"Content-Length: {len(body)}",
        ]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body


def _read_wishes(body: bytes) -> dict[str, Any]:
    try:
        wishes = json.loads(body, parse_float=str)
    except ValueError:
        wishes = None
    if not isinstance(wishes, dict):
        raise ControlError('send a JSON object, such as {"balance": "1500.75"}')
    return wishes
