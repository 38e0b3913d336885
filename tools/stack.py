"""The processes of a real Airflow on loopback: api-server, scheduler, dag-processor, triggerer."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from sandbox import IS_AIRFLOW_2

#: The scheduler of Airflow 2 parses DAGs by itself.
PROCESSES = ("webserver", "scheduler", "triggerer") if IS_AIRFLOW_2 else ("api-server", "scheduler", "dag-processor", "triggerer")
API = "/api/v1" if IS_AIRFLOW_2 else "/api/v2"
STOP_SECONDS = 8
CALL_SECONDS = 60
CALL_ATTEMPTS = 5
#: A file that did not change is parsed again after so long; one that did, at once.
REPARSE_SECONDS = "300"


class AirflowStack:
    """Starts and stops a whole Airflow, and speaks its REST API. Use it with ``with``.

    :param environment: from :func:`sandbox.airflow_environment`; ports and secrets are added here
    :param log_folder: where each process writes its log
    :param processes: which of them to start
    :param users: administrators with names of their own, of Airflow 3; by default everybody is one and has none
    :param programs: the folder of the ``airflow`` to run, if not this Python's own
    """

    def __init__(
        self,
        environment: dict[str, str],
        log_folder: Path,
        port: int | None = None,
        processes: tuple[str, ...] = PROCESSES,
        users: tuple[str, ...] = (),
        programs: Path = Path(sys.executable).parent,
    ) -> None:
        self._names = processes
        self._passwords = {user: secrets.token_hex(8) for user in users}
        self._tokens: dict[str, str] = {}
        self._airflow = str(programs / "airflow")
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log_folder = log_folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        worker_log, trigger_log, scheduler_health, trigger_health = _free_ports(4)
        self.environment = {
            **environment,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__FERNET_KEY": _fernet_key(),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(worker_log),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(trigger_log),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(scheduler_health),
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_SERVER_PORT": str(trigger_health),
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": REPARSE_SECONDS,
        }
        if users:
            self.environment |= {
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:admin" for user in users),
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(log_folder / "passwords.json"),
            }
        if IS_AIRFLOW_2:
            self.environment |= {
                "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
                "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": str(self.port),
                "AIRFLOW__WEBSERVER__WORKERS": "1",
                "AIRFLOW__WEBSERVER__SECRET_KEY": secrets.token_hex(16),
                "AIRFLOW__SCHEDULER__MIN_FILE_PROCESS_INTERVAL": REPARSE_SECONDS,
            }

    def __enter__(self) -> AirflowStack:
        self._log_folder.mkdir(parents=True, exist_ok=True)
        (self._log_folder / "passwords.json").write_text(json.dumps(self._passwords))
        if IS_AIRFLOW_2:  # everyone on this machine is an administrator, as with the simple auth manager of Airflow 3
            Path(self.environment["AIRFLOW_HOME"], "webserver_config.py").write_text('AUTH_ROLE_PUBLIC = "Admin"\n')
        with self._log("migrate") as log:
            subprocess.run(
                [self._airflow, "db", "migrate"], env=self.environment, check=True, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            for name in self._names:
                self.start(name)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self, name: str) -> None:
        """Start one of them in a session of its own, so that all that it starts ends with it."""
        command, environment = self._program(name)
        with self._log(name) as log:
            self._processes[name] = subprocess.Popen(
                command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def _program(self, name: str) -> tuple[list[str], dict[str, str]]:
        """Return the command of a process, and its environment."""
        return [self._airflow, name], self.environment

    def stop(self, *names: str) -> None:
        """End all, or some, with their children."""
        ending = {name: self._processes.pop(name) for name in names or tuple(self._processes)}
        for process in ending.values():
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in ending.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(deadline - time.monotonic(), 0.1))
            kill_session(process)

    def check_alive(self) -> None:
        """Raise if one of the processes has ended."""
        dead = [name for name, process in self._processes.items() if process.poll() is not None]
        if dead:
            raise RuntimeError(f"ended too early: {dead}; see {self._log_folder}")

    def wait_until(self, what: str, is_so: Callable[[], Any], seconds: float = 300) -> Any:
        """Poll until ``is_so`` returns something true; an API that is not there yet counts as not so."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check_alive()
            try:
                if answer := is_so():
                    return answer
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                pass
            time.sleep(0.3)
        raise TimeoutError(f"not within {seconds:.0f} s: {what}; see {self._log_folder}")

    def wait_until_ready(self, *dag_ids: str) -> None:
        """Wait until the API answers and the DAGs are there."""
        self.wait_until("the API answers", lambda: self.call("GET", f"{API}/version"))
        for dag_id in dag_ids:
            self.wait_until(f"DAG {dag_id} is parsed", lambda dag_id=dag_id: self.call("GET", f"{API}/dags/{dag_id}"))

    def trigger(self, dag_id: str, *, user: str = "", **conf: Any) -> str:
        """Start a run as a user and return its id. SQLite is locked now and then: so we ask until the run is there."""
        run_id = f"manual__{secrets.token_hex(8)}"
        run = {"dag_run_id": run_id, "conf": conf} | ({} if IS_AIRFLOW_2 else {"logical_date": None})

        def is_there() -> bool:
            try:
                self.call("POST", f"{API}/dags/{dag_id}/dagRuns", run, user)
            except urllib.error.HTTPError as error:
                with error:
                    return error.code == 409  # our own id: an earlier attempt got through after all
            return True

        self.wait_until(f"a run of {dag_id} begins", is_there)
        return run_id

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """Return one task instance."""
        return dict(self.call("GET", f"{API}/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"))

    def run_state(self, dag_id: str, run_id: str) -> str:
        return str(self.call("GET", f"{API}/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def xcom(self, dag_id: str, run_id: str, task_id: str) -> Any:
        path = f"{API}/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value?stringify=false"
        return self.call("GET", path)["value"]

    def complaints(self, run_id: str) -> str:
        """Return the scheduler's lines of warning about a run, its tasks' among them."""
        lines = (self._log_folder / "scheduler.log").read_text().splitlines()
        return "\n".join(line for line in lines if run_id in line and re.search(r"\[(error|warning|critical) |ERROR|WARN", line))

    def call(self, method: str, path: str, body: Any = None, user: str = "") -> Any:
        """Call Airflow's REST API as a user, by default the first. What only reads is asked again if Airflow is busy."""
        for _ in range(CALL_ATTEMPTS - 1 if method == "GET" else 0):
            try:
                return self._call(method, path, body, user)
            except urllib.error.HTTPError as error:
                with error:
                    if error.code < 500:
                        raise
            except TimeoutError:
                pass
            time.sleep(0.3)
        return self._call(method, path, body, user)

    def _call(self, method: str, path: str, body: Any, user: str) -> Any:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token(user)}"}
        request = urllib.request.Request(
            f"{self.url}{path}", json.dumps(body).encode() if body is not None else None, headers, method=method
        )
        with _opener().open(request, timeout=CALL_SECONDS) as answer:
            return json.load(answer)

    def token(self, user: str = "") -> str:
        """Return the bearer token of a user, by default of the first administrator."""
        if IS_AIRFLOW_2:
            return "none"
        user = user or next(iter(self._passwords), "")
        if user not in self._tokens:
            login = json.dumps({"username": user, "password": self._passwords[user]}).encode() if user else None
            request = urllib.request.Request(f"{self.url}/auth/token", login, {"Content-Type": "application/json"})
            with _opener().open(request, timeout=CALL_SECONDS) as answer:
                self._tokens[user] = json.load(answer)["access_token"]
        return self._tokens[user]

    def _log(self, name: str) -> Any:
        return (self._log_folder / f"{name}.log").open("ab")


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def kill_session(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that leads a session, with all that it started: Airflow gives each task a process group of its own."""
    _signal_group(process, signal.SIGKILL)
    process.wait()
    while left := session_of(process.pid):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def session_of(leader: int) -> list[int]:
    """Return the processes of a session that have not ended, as Linux tells; where it does not, none."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, session = path.read_text().rpartition(")")[2].split()[:4]
            if int(session) == leader and state != "Z":
                found.append(int(path.parent.name))
    return found


def free_port(wish: int = 0) -> int:
    """Return the wished port if nobody listens there, else any free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wish))
            return int(probe.getsockname()[1])
        except OSError:
            return free_port()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _fernet_key() -> str:
    from base64 import urlsafe_b64encode

    return urlsafe_b64encode(secrets.token_bytes(32)).decode()
