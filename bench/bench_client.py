"""What does one signed call cost? Against raw ``requests``, the http provider's hook, and iyzico's own package, on loopback.

The same bytes come back from the same server, over plain HTTP and over TLS. A first call makes its client and connects; a
repeated one uses what is there. The calls take turns, so that what else happens on the machine hits all of them. Over TLS all
trust the usual bundle of authorities and the server's own. The official package, which speaks TLS only, is used as it is: it reads
the bundle and makes a connection for every call.
"""

from __future__ import annotations

import json
import logging
import os
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import certifi
import requests
import trustme
from airflow.providers.http.hooks.http import HttpHook
from iyzipay.iyzipay_resource import IyzipayResource

from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.simulator import Simulator

FIRST_CALLS = int(os.environ.get("BENCH_ROWS", "40"))
REPEATED_CALLS = 10 * FIRST_CALLS
PATH = "/v1/mass/payout/balance?locale=tr"


def ours() -> tuple[Callable[[], Any], Callable[[], None]]:
    hook = IyzicoHook()
    return partial(hook.get_balance, attempts=1), hook.close


def raw(url: str, headers: dict[str, str], ca: str | bool) -> tuple[Callable[[], Any], Callable[[], None]]:
    session = requests.Session()
    session.headers.clear()
    session.trust_env = False
    return lambda: session.get(url, headers=headers, timeout=5, verify=ca).json()["balance"], session.close


def provider(headers: dict[str, str]) -> tuple[Callable[[], Any], Callable[[], None]]:
    hook = HttpHook("GET")
    return lambda: hook.run(PATH, headers=headers, extra_options={"timeout": 5}).json()["balance"], lambda: None


def official(host: str, keys: dict[str, str]) -> tuple[Callable[[], Any], Callable[[], None]]:
    resource, options = IyzipayResource(), {"base_url": host, **keys}
    return lambda: json.loads(resource.connect("GET", PATH, options).read())["balance"], lambda: None


def timed(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def measure(clients: dict[str, Callable[[], Any]]) -> dict[str, tuple[list[float], list[float]]]:
    """Return milliseconds of first and of repeated calls by client."""
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in clients}
    for _ in range(FIRST_CALLS):
        for name, make in clients.items():
            started = time.perf_counter()
            call, close = make()
            call()
            found[name][0].append((time.perf_counter() - started) * 1000)
            close()
    kept = {name: make() for name, make in clients.items()}
    for _ in range(REPEATED_CALLS):
        for name, (call, _close) in kept.items():
            found[name][1].append(timed(call))
    for _, close in kept.values():
        close()
    return {name: (first[1:], repeated[REPEATED_CALLS // 10 :]) for name, (first, repeated) in found.items()}


def clients(iyzico: Simulator, ca: str | None) -> dict[str, Callable[[], Any]]:
    connection = json.loads(iyzico.connection)
    if ca:
        connection["extra"]["ca_bundle"] = ca
    os.environ["AIRFLOW_CONN_IYZICO_DEFAULT"] = json.dumps(connection)
    os.environ["AIRFLOW_CONN_HTTP_DEFAULT"] = json.dumps(
        {"conn_type": "http", "host": iyzico.url, "extra": {"verify": ca or True}}
    )
    IyzicoHook().get_balance()
    # A signature is good for any number of calls of the simulator: so raw calls send exactly what ours sends.
    headers = dict(iyzico.seen[-1].headers)
    del headers["Host"]
    found: dict[str, Callable[[], Any]] = {
        "this provider": ours,
        "requests.Session": partial(raw, iyzico.url + PATH, headers, ca or True),
        "HttpHook": partial(provider, headers),
    }
    if ca:
        host = iyzico.url.removeprefix("https://")
        keys = {"api_key": connection["login"], "secret_key": connection["password"]}
        os.environ["SSL_CERT_FILE"] = ca
        found["iyzipay"] = partial(official, host, keys)
    return found


def show(title: str, found: dict[str, tuple[list[float], list[float]]]) -> dict[str, float]:
    """Print a table, and return by how much a repeated call of ours takes longer than each other's, pair by pair."""
    print(f"{title}, {FIRST_CALLS} first and {REPEATED_CALLS} repeated calls each, in ms: median (5th to 95th percentile)")
    ratios = {}
    mine = found["this provider"]
    for name, both in found.items():
        cells = []
        for figures, own in zip(both, mine, strict=True):
            low, *_, high = statistics.quantiles(figures, n=20)
            ratio = statistics.median(a / b for a, b in zip(own, figures, strict=True))
            cells.append(f"{statistics.median(figures):6.2f} ({low:5.2f} to {high:5.2f})  ours/it {ratio:5.2f}")
        ratios[name] = ratio
        print(f"  {name:18} first {cells[0]}   repeated {cells[1]}")
    return ratios


def main() -> int:
    logging.disable(logging.INFO)
    os.environ["NO_PROXY"] = "127.0.0.1"
    with Simulator("1500.75") as iyzico:
        plain = show("plain HTTP", measure(clients(iyzico, None)))
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with tempfile.TemporaryDirectory() as folder, Simulator("1500.75", ssl_context=context) as iyzico:
        ca = str(Path(folder) / "ca.pem")
        Path(ca).write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())
        tls = show("TLS", measure(clients(iyzico, ca)))
    missed = [
        *(f"{name}: 1.15 times requests" for name, one in (("plain", plain), ("TLS", tls)) if one["requests.Session"] > 1.15),
        *(["1/20 of iyzipay"] if tls["iyzipay"] > 1 / 20 else []),
    ]
    print("promised: a repeated call takes at most 1.15 times a raw requests.Session's, and 1/20 of iyzipay's over TLS")
    print(f"promised and missed: {'; '.join(missed) or 'nothing'}")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
