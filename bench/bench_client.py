"""What does one signed call cost? Against raw ``requests``, the http provider's hook, and iyzico's own package, on loopback.

The same bytes come back from the same server, over plain HTTP and over TLS. A first call makes its client and connects; a
repeated one uses what is there. The calls take turns, so that what else happens on the machine hits all of them. Over TLS all
trust the usual bundle of authorities and the server's own, and every first call reads it: ours, which keeps it for the whole
process, is made to forget it. The official package speaks TLS only and is used as it is: it reads the bundle and makes a
connection for every call.
"""

from __future__ import annotations

import json
import logging
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import requests
import trustme
from airflow.providers.http.hooks.http import HttpHook
from iyzipay.iyzipay_resource import IyzipayResource
from simulator_process import simulator_process

from airflow_provider_iyzico.api import signing
from airflow_provider_iyzico.hooks import trust
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.hooks.transport import HEADERS

FIRST_CALLS = int(os.environ.get("BENCH_ROWS", "40"))
REPEATED_CALLS = 10 * FIRST_CALLS
PATH = "/v1/mass/payout/balance"
QUERY = "locale=tr"


def ours() -> tuple[Callable[[], Any], Callable[[], None]]:
    hook = IyzicoHook()

    def close() -> None:
        hook.close()
        trust.bundles.clear()

    return partial(hook.get_balance, attempts=1), close


def raw(url: str, headers: dict[str, str], ca: str | bool) -> tuple[Callable[[], Any], Callable[[], None]]:
    session = requests.Session()
    session.headers.clear()
    session.trust_env = False
    return lambda: session.get(url, headers=headers, timeout=5, verify=ca).json()["balance"], session.close


def provider(headers: dict[str, str]) -> tuple[Callable[[], Any], Callable[[], None]]:
    hook = HttpHook("GET")
    return lambda: hook.run(f"{PATH}?{QUERY}", headers=headers, extra_options={"timeout": 5}).json()["balance"], lambda: None


def official(host: str, keys: dict[str, str]) -> tuple[Callable[[], Any], Callable[[], None]]:
    resource, options = IyzipayResource(), {"base_url": host, **keys}
    return lambda: json.loads(resource.connect("GET", f"{PATH}?{QUERY}", options).read())["balance"], lambda: None


def timed(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def measure(clients: dict[str, Callable[[], Any]]) -> dict[str, tuple[list[float], list[float]]]:
    """Return milliseconds of first and of repeated calls by client."""
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in clients}
    shuffle = random.Random(1).shuffle  # whom a call follows matters; so each follows each
    makers = list(clients.items())
    for _ in range(FIRST_CALLS):
        shuffle(makers)
        for name, make in makers:
            started = time.perf_counter()
            call, close = make()
            call()
            found[name][0].append((time.perf_counter() - started) * 1000)
            close()
    kept = {name: make() for name, make in clients.items()}
    turns = list(kept.items())
    for _ in range(REPEATED_CALLS):
        shuffle(turns)
        for name, (call, _close) in turns:
            found[name][1].append(timed(call))
    for _, close in kept.values():
        close()
    return {name: (first[1:], repeated[REPEATED_CALLS // 10 :]) for name, (first, repeated) in found.items()}


def clients(connection: dict[str, Any], ca: str | None) -> dict[str, Callable[[], Any]]:
    url, api_key, secret_key = connection["host"], connection["login"], connection["password"]
    if ca:
        connection["extra"]["ca_bundle"] = ca
    os.environ["AIRFLOW_CONN_IYZICO_DEFAULT"] = json.dumps(connection)
    os.environ["AIRFLOW_CONN_HTTP_DEFAULT"] = json.dumps({"conn_type": "http", "host": url, "extra": {"verify": ca or True}})
    # The simulator takes a signature any number of times: so the others send what ours sends, but sign nothing.
    random_key = signing.new_random_key()
    signature = signing.signature(secret_key, random_key, PATH)
    headers = {**HEADERS, "Authorization": signing.authorization(api_key, random_key, signature), "x-iyzi-rnd": random_key}
    found: dict[str, Callable[[], Any]] = {
        "this provider": ours,
        "requests.Session": partial(raw, f"{url}{PATH}?{QUERY}", headers, ca or True),
        "HttpHook": partial(provider, headers),
    }
    if ca:
        os.environ["SSL_CERT_FILE"] = ca
        keys = {"api_key": api_key, "secret_key": secret_key}
        found["iyzipay"] = partial(official, url.removeprefix("https://"), keys)
    return found


def show(title: str, found: dict[str, tuple[list[float], list[float]]]) -> dict[str, tuple[float, float]]:
    """Print a table, and return by how much a first and a repeated call of ours take longer than each other's, pair by pair."""
    print(f"{title}, {FIRST_CALLS} first and {REPEATED_CALLS} repeated calls each, in ms: median (5th to 95th percentile)")
    ratios = {}
    mine = found["this provider"]
    for name, both in found.items():
        cells, pair = [], []
        for figures, own in zip(both, mine, strict=True):
            low, *_, high = statistics.quantiles(figures, n=20)
            pair.append(statistics.median(a / b for a, b in zip(own, figures, strict=True)))
            cells.append(f"{statistics.median(figures):6.2f} ({low:5.2f} to {high:5.2f})  ours/it {pair[-1]:5.3f}")
        ratios[name] = (pair[0], pair[1])
        print(f"  {name:18} first {cells[0]}   repeated {cells[1]}")
    return ratios


def main() -> int:
    logging.disable(logging.INFO)
    os.environ["NO_PROXY"] = "127.0.0.1"
    with simulator_process() as connection:
        plain = show("plain HTTP", measure(clients(connection, None)))
    authority = trustme.CA()
    with tempfile.TemporaryDirectory() as folder:
        ca, certificate = Path(folder) / "ca.pem", Path(folder) / "server.pem"
        ca.write_bytes(Path(requests.certs.where()).read_bytes() + authority.cert_pem.bytes())
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
        with simulator_process(str(certificate)) as connection:
            tls = show("TLS", measure(clients(connection, str(ca))))
    missed = [
        *(["TLS: a first call in 1.1 times requests"] if tls["requests.Session"][0] > 1.1 else []),
        *(f"{name}: 1.15 times requests" for name, one in (("plain", plain), ("TLS", tls)) if one["requests.Session"][1] > 1.15),
        *(["1/20 of iyzipay"] if tls["iyzipay"][1] > 1 / 20 else []),
    ]
    print(
        "promised: over TLS, a first call takes at most 1.1 times a raw requests.Session's, and a repeated 1/20 of iyzipay's; "
        "a repeated call takes at most 1.15 times a raw requests.Session's"
    )
    print(f"promised and missed: {'; '.join(missed) or 'nothing'}")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
