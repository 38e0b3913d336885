"""The output of the tests says what was left out, and how to get it."""

import os
import subprocess
import sys

import needs
import pytest
from sandbox import ROOT

#: Stands in for a machine without any of these programs.
NOTHING_HERE = "import shutil\nshutil.which = lambda *_, **__: None\n"
WITH_MARIADB = "tests/unit/warehouse/test_gate.py::test_gates_that_begin_at_the_same_time_each_keep_their_record"


@pytest.mark.parametrize("workers", ["0", "1"])
def test_the_tests_say_at_their_start_and_at_their_end_what_is_left_out_and_the_one_command_that_brings_it(workers, tmp_path):
    (tmp_path / "nothing_here.py").write_text(NOTHING_HERE)
    environment = {name: value for name, value in os.environ.items() if name not in ("CHROMIUM", "TEST_MARIADB_URL")}
    environment["PYTHONPATH"] = str(tmp_path)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        workers,
        "-p",
        "nothing_here",
        "tests/unit/api/test_balance.py",
        WITH_MARIADB,
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    start, _, end = done.stdout.partition("[100%]")
    for said in (start, end):
        assert "LEFT OUT" in said
        assert all(str(need) in said for need in needs.NEEDS)
        assert needs.command(list(needs.NEEDS)) in said
    assert "1 skipped" in end


def test_a_machine_that_has_everything_is_told_nothing(monkeypatch):
    monkeypatch.setattr(needs.shutil, "which", lambda name, path: f"/usr/bin/{name}")
    assert (needs.missing(), needs.report()) == ([], [])


def test_what_a_variable_names_need_not_be_installed(monkeypatch):
    monkeypatch.setattr(needs.shutil, "which", lambda name, path: None)
    monkeypatch.setenv("CHROMIUM", "/opt/browser")
    monkeypatch.setenv("TEST_MARIADB_URL", "mysql+pymysql://root@127.0.0.1/warehouse")
    assert needs.CHROMIUM.found() == "/opt/browser"
    assert needs.missing() == [needs.MARIADB_CLIENT]
    assert needs.report()[-1].endswith(" libmariadb-dev pkg-config")


def test_no_other_place_has_a_list_of_its_own():
    everything = " ".join(package for need in needs.NEEDS for package in need.packages)
    assert f"{needs.INSTALL} {everything}\n" in (ROOT / "CONTRIBUTING.md").read_text()
    for path in (ROOT / ".ci" / "run", ROOT / ".github" / "workflows" / "ci.yml"):
        source = path.read_text()
        assert "tools/needs.py" in source
        assert [package for need in needs.NEEDS for package in need.packages if package in source] == []
