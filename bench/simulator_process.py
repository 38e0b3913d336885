"""A simulator in a process of its own, so that no thread of it waits for what is measured, and its CPU is not counted."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SERVER = """
import ssl, sys
from airflow_provider_iyzico.simulator import Simulator
context = None
if len(sys.argv) > 1:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1])
with Simulator("1500.75", ssl_context=context) as iyzico:
    print(iyzico.connection, flush=True)
    sys.stdin.read()
"""


@contextmanager
def simulator_process(*certificate: str) -> Iterator[dict[str, Any]]:
    """Yield the Connection to a simulator."""
    command = [sys.executable, "-c", SERVER, *certificate]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield json.loads(process.stdout.readline())
        process.stdin.close()


def door(url: str, wishes: dict[str, Any] | None = None, path: str = "") -> Any:
    """Ask the control door; with wishes, set them."""
    request = urllib.request.Request(f"{url}/simulator{path}", json.dumps(wishes).encode() if wishes else None)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
        return json.load(answer)
