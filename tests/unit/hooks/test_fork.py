"""A forked child shares neither a connection nor a closed lock with its parent. Real processes."""

import subprocess
import sys

import pytest
from raw_server import WHOLE, serve
from support import connect_to

#: The parent ends with the child's exit code.
FORK = """
import os, threading, warnings
warnings.simplefilter("ignore")  # newer Pythons warn of a fork beside threads
def fork_and(act):
    child = os.fork()
    if not child:
        try:
            act()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return child
def end_as(child):
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def run(code):
    return subprocess.run([sys.executable, "-c", FORK + code], check=False, timeout=100).returncode


def test_a_child_asks_over_a_connection_of_its_own(monkeypatch):
    code = """
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
hook = IyzicoHook()
hook.get_balance(attempts=1)
child = fork_and(lambda: hook.get_balance(attempts=1))
hook.get_balance(attempts=1)
end_as(child)
"""
    with serve(WHOLE, is_kept=True) as server:
        connect_to(monkeypatch, f"http://127.0.0.1:{server.port}", timeout=30)
        assert run(code) == 0
    assert sorted(len(requests) for requests in server.asked) == [1, 2]


@pytest.mark.parametrize("place", ["masking._masking", "waiting._running_lock"])
def test_a_lock_that_another_thread_holds_is_open_in_a_child(place):
    code = f"""
from airflow_provider_iyzico.hooks import masking, waiting
lock, is_held = {place}, threading.Event()
def hold():
    with lock:
        is_held.set()
        threading.Event().wait()
threading.Thread(target=hold, daemon=True).start()
is_held.wait()
def take():
    assert {place}.acquire(timeout=5)
end_as(fork_and(take))
"""
    assert run(code) == 0
