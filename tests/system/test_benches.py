"""Short benches run from beginning to end. What they measure is not judged here: a busy machine says nothing about speed."""

import os
import re
import subprocess
import sys

import pytest
from sandbox import ROOT


@pytest.mark.parametrize(("name", "rows"), [("client", "4"), ("write", "4"), ("reports", "2000,4000")])
def test_a_bench_runs_and_prints_its_ratios(name, rows, tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "bench" / f"bench_{name}.py"],
        env={**os.environ, "HOME": str(tmp_path), "AIRFLOW_HOME": str(tmp_path), "BENCH_ROWS": rows},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in (0, 1)
    assert len(re.findall(r"\d+\.\d+", done.stdout)) > 4, done.stdout
