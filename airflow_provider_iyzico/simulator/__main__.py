"""Simulate iyzico on 127.0.0.1: python -m airflow_provider_iyzico.simulator --port 8989 --balance 1500.75"""

from __future__ import annotations

import argparse
import os
import signal
import sys

from airflow_provider_iyzico.simulator.control import CONTROL_PATH
from airflow_provider_iyzico.simulator.simulator import Simulator
from airflow_provider_iyzico.simulator.wishes import ControlError
from airflow_provider_iyzico.simulator.world import API_KEY, SECRET_KEY


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_iyzico.simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=8989, help="the port; 0 chooses a free one (default: 8989)")
    parser.add_argument("--balance", default="1500.75", help="the mass payout balance, as digits (default: 1500.75)")
    parser.add_argument("--api-key", default=API_KEY, help="the API key to accept")
    parser.add_argument("--secret-key", default=SECRET_KEY, help="the secret key to accept")
    parser.add_argument("--refusal-status", type=int, choices=(200, 401), default=200, help="the HTTP status for refused keys")
    parser.add_argument("--journal", metavar="PATH", help="a file for everything that has an effect, one JSON object per line")
    asked = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):  # Ctrl-C counts even where a shell started us in the background
        signal.signal(number, signal.default_int_handler)
    try:
        with Simulator(
            asked.balance,
            port=asked.port,
            api_key=asked.api_key,
            secret_key=asked.secret_key,
            refusal_status=asked.refusal_status,
            journal=asked.journal,
        ) as simulator:
            _say(f"iyzico is simulated at {simulator.url} with {simulator.balance}; Ctrl-C ends it")
            if (asked.api_key, asked.secret_key) == (API_KEY, SECRET_KEY):
                _say(f"\nexport AIRFLOW_CONN_IYZICO_DEFAULT='{simulator.connection}'\n")
            _say(f'curl -d \'{{"balance": "5000.00"}}\' {simulator.url}{CONTROL_PATH}')
            simulator.world.stopping.wait()
    except KeyboardInterrupt:
        return 0
    except ControlError as error:
        print(f"the simulator cannot start: {error}", file=sys.stderr)
        return 2
    except (OSError, OverflowError) as error:
        print(f"the simulator cannot listen on port {asked.port}: {error}; choose another with --port", file=sys.stderr)
        return 2
    return 0


def _say(line: str) -> None:
    """Print a line, as far as somebody reads it: with `| head`, or on a full disk, the simulator goes on."""
    try:
        print(line, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at its end


if __name__ == "__main__":
    sys.exit(main())
