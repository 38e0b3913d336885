"""The simulator's sockets and HTTP, on the standard library alone."""

from __future__ import annotations

import contextlib
import gzip
import select
import socket
import ssl
import struct
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_iyzico.simulator import control, faults, routes
from airflow_provider_iyzico.simulator.control import CONTROL_PATH
from airflow_provider_iyzico.simulator.wire import JSON, Answer, Request
from airflow_provider_iyzico.simulator.world import Seen, World


class Server(ThreadingHTTPServer):
    """Listens on 127.0.0.1, and answers each connection in a thread of its own."""

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
    """One connection. It is the :class:`~airflow_provider_iyzico.simulator.faults.Exchange` that faults play with."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # the client has hung up in between, so this is no request
            self.close_connection = True
            return
        self._request = Request(self.command, url.path, url.query, body, self.headers_of_request())
        if url.path.startswith(CONTROL_PATH):
            self._write(control.answer(self.server.world, self._request))
        elif url.path.startswith("/v1/"):
            self._api()
        else:
            self._write(Answer(404, b'{"error": "there is nothing here"}\n'))

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: requests carry keys."""

    def _api(self) -> None:
        world, request, received_at = self.server.world, self._request, time.time()
        random_key, refusal = routes.check_signature(world, request)
        call, _ = routes.find(request)
        fault = world.take_fault(call)
        world.remember(
            Seen(
                method=request.method,
                path=request.path,
                query=request.query,
                body=request.body.decode(errors="replace"),
                call=call,
                random_key=random_key,
                refusal=refusal.code if refusal else None,
                fault=fault.kind if fault else None,
                received_at=received_at,
                headers=request.headers,
            )
        )
        if world.latency_seconds:
            self.wait(world.latency_seconds)
        self._do = partial(routes.answer, world, request, refusal)
        if fault is None:
            self.send(self._do())
        else:
            faults.play(fault, self, self._do)

    # what faults do with a request

    def headers_of_request(self) -> Mapping[str, str]:
        return dict(self.headers.items())

    def send(self, answer: Answer) -> None:
        self._write(self._dressed(answer))

    def send_cut(self, answer: Answer, missing_bytes: int) -> None:
        self.wfile.write(_http(self._dressed(answer))[:-missing_bytes])
        self.close_connection = True

    def send_slowly(self, answer: Answer, seconds: float) -> None:
        whole = _http(self._dressed(answer))
        for position in range(len(whole)):
            self.wfile.write(whole[position : position + 1])
            if self.server.world.stopping.wait(seconds):
                break
        self.close_connection = True

    def send_blanks(self, size: int) -> None:
        chunk = b" " * 65536
        self.wfile.write(_http(Answer(200, b"")).replace(b"Content-Length: 0", f"Content-Length: {size}".encode()))
        for _ in range(size // len(chunk)):
            self.wfile.write(chunk)
        self.close_connection = True

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def wait(self, seconds: float) -> None:
        self.server.world.stopping.wait(seconds)

    def wait_for_hang_up(self, seconds: float) -> None:
        select.select([self.connection], [], [], seconds)

    def do_later(self, seconds: float) -> None:
        self.server.world.later(seconds, self._do)

    def _write(self, answer: Answer) -> None:
        self.wfile.write(_http(answer))

    def _dressed(self, answer: Answer) -> Answer:
        """Return an answer in JSON as the habits have it."""
        if answer.content_type != JSON:
            return answer
        has, body, headers = self.server.world.settings.has, answer.body, dict(answer.headers)
        if has("latin5"):
            answer = replace(answer, content_type="application/json;charset=ISO-8859-9")
            body = body.decode().encode("iso8859-9", "replace")
        if has("byte_order_mark"):
            body = b"\xef\xbb\xbf" + body
        if has("text_type"):
            answer = replace(answer, content_type="text/json")
        if has("gzip"):
            body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
        if has("signs_answers"):
            headers["X-Iyzi-Signature"] = "0" * 64
        return replace(answer, body=body, headers=headers)


def _http(answer: Answer) -> bytes:
    """Return a whole answer, so that it leaves in one piece."""
    lines = [
        f"HTTP/1.1 {answer.status} {responses.get(answer.status, '')}",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {len(answer.body)}",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + answer.body
