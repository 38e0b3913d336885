"""The first command of the README: it ends well, and its figures add up."""

import os
import subprocess
import sys

from sandbox import ROOT


def test_the_demo_pays_people_and_accounts_for_every_kurus(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "demo.py"],
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 3 are paid, 1 came back" in done.stdout
    assert "8000.00 before - 3519.50 paid - 5.00 commission = 4475.50 now" in done.stdout
