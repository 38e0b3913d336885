"""What a DAG author's editor says: the checkers accept what README and guides show, and refuse what the gate would refuse."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import doc_blocks
import pytest
from sandbox import ROOT

#: A line that ends with "# refused" must be an error, and no other.
SOURCE = """
from datetime import timedelta
from decimal import Decimal

from airflow.sdk import DAG, Asset, AssetWatcher, task

from airflow_provider_iyzico.hooks.iyzico import IyzicoHook
from airflow_provider_iyzico.operators.mass_payout import MassPayoutBalanceOperator, MassPayoutInitOperator
from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor
from airflow_provider_iyzico.triggers.mass_payout import MassPayoutBalanceTrigger

with DAG("types", schedule=None) as dag:

    @task
    def total() -> str:
        return "5.00"

    MassPayoutBalanceSensor(task_id="text", batch_total="1500.75", headroom="500")
    MassPayoutBalanceSensor(task_id="whole", batch_total=1500, headroom=500)
    MassPayoutBalanceSensor(task_id="decimal", batch_total=Decimal("1500.75"), headroom=Decimal(500))
    MassPayoutBalanceSensor(task_id="taskflow", batch_total=total(), headroom=total())
    snapshot = MassPayoutBalanceOperator(task_id="snapshot", iyzico_conn_id=["a", "b"], schema=None, create_table=False)
    MassPayoutBalanceSensor(task_id="output", batch_total=snapshot.output, headroom=snapshot.output)
    MassPayoutBalanceSensor(
        task_id="all", batch_total="{{ params.total }}", iyzico_conn_id="a", currency="TRY", deferrable=True, mode="reschedule",
        poke_interval=timedelta(minutes=1), timeout=3600, soft_fail=True, warehouse_conn_id=None, warehouse_schema="finance",
    )
    MassPayoutBalanceOperator(task_id="one", iyzico_conn_id="a", warehouse_conn_id="w", table="t", schema="s", currency="EUR")
    MassPayoutBalanceOperator(task_id="tuple", iyzico_conn_id=("a", "b"))
    trigger = MassPayoutBalanceTrigger("a", "5000.00", headroom="1", currency="TRY", poll_seconds=60)
    Asset("covered", watchers=[AssetWatcher(name="balance", trigger=trigger)])
    MassPayoutBalanceSensor(task_id="batch", external_id="salaries-2026-11")
    MassPayoutBalanceSensor(task_id="hold", external_id="rent-2026-11", batch_total="5.00", hold_for_seconds=3600)
    MassPayoutInitOperator(task_id="query", external_id=total(), payments_sql=total(), payments_conn_id="hr", purpose=total())
    amount: Decimal = IyzicoHook(iyzico_conn_id="a").get_balance(attempts=1).amount

    MassPayoutBalanceSensor(task_id="float", batch_total=1500.75)  # refused
    MassPayoutBalanceSensor(task_id="list", batch_total=["1"])  # refused
    MassPayoutBalanceSensor(task_id="name", external_id=5)  # refused
    MassPayoutBalanceSensor(task_id="headroom", batch_total=1, headroom=0.5)  # refused
    MassPayoutBalanceOperator(task_id="number", iyzico_conn_id=5)  # refused
    MassPayoutBalanceOperator(task_id="numbers", iyzico_conn_id=[5])  # refused
    MassPayoutBalanceTrigger("a", 5000.5)  # refused
"""


def by_mypy(path):
    """What ``make lint`` has found out about Airflow's types is kept, and used here."""
    found = [json.loads(line) for line in run("mypy", "--output", "json", path).splitlines() if line.startswith("{")]
    return {each["line"]: each["message"] for each in found if each["severity"] == "error"}


def by_pyright(path):
    settings = {"include": [path.name], "typeCheckingMode": "standard", "extraPaths": [str(ROOT)]}
    (path.parent / "pyrightconfig.json").write_text(json.dumps(settings))
    found = json.loads(run("basedpyright", "--outputjson", "--pythonpath", sys.executable, "-p", path.parent))
    return {
        each["range"]["start"]["line"] + 1: each["message"] for each in found["generalDiagnostics"] if each["severity"] == "error"
    }


def run(program, *arguments):
    command = [Path(sys.executable).with_name(program), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("errors", [by_mypy, by_pyright])
def test_every_documented_argument_is_accepted_and_what_fails_at_run_time_is_refused(errors, tmp_path):
    path = tmp_path / "types_of_a_dag.py"
    path.write_text(SOURCE)
    refused = {number for number, line in enumerate(SOURCE.splitlines(), 1) if line.endswith("# refused")}
    found = errors(path)
    assert set(found) == refused, {number: found.get(number) for number in set(found) ^ refused}


def test_make_lint_checks_every_python_block_that_quotes_no_file_at_its_own_lines(tmp_path):
    doc_blocks.write(tmp_path / "blocks")
    written = {path.name: path.read_text().splitlines() for path in (tmp_path / "blocks").glob("*_line_*.py")}
    quoted = [block for block in doc_blocks.all_blocks() if block.quoted]
    printed = sum(len(re.findall("^ *```python$", page.read_text(), re.MULTILINE)) for page in doc_blocks.PAGES)
    assert len(written) + len(quoted) == printed > 10
    for block in doc_blocks.typed_blocks():
        name = f"{block.page.stem.replace('-', '_').lower()}_line_{block.line}.py"
        assert written[name][block.line - 1 :] == block.code.splitlines()
        assert block.page.read_text().splitlines()[block.line - 1].strip() == written[name][block.line - 1]
    recipe = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    for step in ("tools/doc_blocks.py build/doc_blocks", "mypy build/doc_blocks", "basedpyright", "codespell"):
        assert step in recipe
