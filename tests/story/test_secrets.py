"""Keys, headers and signatures are nowhere to be found, whatever goes wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from run_every_failure import FAULTS
from sandbox import IS_AIRFLOW_2, ROOT, airflow_environment
from secrets_search import finds, secrets_of

from airflow_provider_iyzico.simulator import Simulator

pytestmark = pytest.mark.timeout(1200)
SCRIPT = Path(__file__).parents[1] / "run_every_failure.py"


def test_no_secret_is_written_anywhere_by_any_failure_at_debug(tmp_path):
    with Simulator("100") as iyzico:
        connection = json.loads(iyzico.connection)
        connection["extra"]["timeout"] = 2
        home, output = tmp_path / "home", tmp_path / "output.log"
        environment = airflow_environment(home, iyzico=json.dumps(connection), warehouse=tmp_path / "warehouse.db")
        environment["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "DEBUG"
        environment["PYTHONPATH"] = str(ROOT / "tools")
        with output.open("wb") as log:
            subprocess.run(
                [sys.executable, SCRIPT, iyzico.url],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=1000,
            )
        said = output.read_text(errors="replace")
        assert f"OUTCOMES 3 {3 * len(FAULTS)}" in said, said[-3000:]
        assert "debug" in said.lower()
        assert len(secrets_of(iyzico)) > 3 * len(FAULTS)
        # Airflow's dag.test() prints at DEBUG what it is asked to mask, every Connection's password included; its real processes,
        # which tests/system searches without exception, do not.
        others = [line for line in said.splitlines() if "Sending request" not in line or "msg=MaskSecret(" not in line]
        assert len(others) < len(said.splitlines()) or IS_AIRFLOW_2
        output.write_text("\n".join(others))
        assert finds(iyzico, [tmp_path]) == []


def test_the_search_finds_what_it_looks_for(tmp_path):
    """A search that finds nothing proves nothing unless it can find something."""
    import base64

    with Simulator("100") as iyzico:
        secret = iyzico.world.secret_key
        for number, text in enumerate(
            (secret, base64.b64encode(f"x{secret}y".encode()).decode(), secret.encode().hex(), f"a{secret[:30]}", secret[-26:])
        ):
            (tmp_path / str(number)).write_text(f"before {text} after")
            assert finds(iyzico, [tmp_path / str(number)])
        (tmp_path / "clean").write_text("nothing here")
        assert finds(iyzico, [tmp_path / "clean"]) == []
    assert os.listdir(tmp_path)
