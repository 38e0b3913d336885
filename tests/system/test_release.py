"""What makes a release worth trusting, as far as it can be seen without building one."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import audit
import matrix
import pytest
import release
from sandbox import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def test_every_action_is_pinned_by_a_full_commit_hash():
    used = [line.split("uses:")[1].strip() for path in WORKFLOWS for line in path.read_text().splitlines() if "uses:" in line]
    assert len(used) > 10
    assert [each for each in used if not PINNED.fullmatch(each)] == []


def test_one_action_has_one_hash():
    pins = {match for path in WORKFLOWS for match in re.findall(r"uses: (\S+)@(\w+)", path.read_text())}
    assert len(pins) == len({action for action, _ in pins})


def test_no_workflow_knows_a_secret():
    for path in WORKFLOWS:
        assert "secrets." not in path.read_text()
        assert "\npermissions: {}\n" in path.read_text()


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ([{"name": "a", "version": "1", "vulns": []}, {"name": "b", "version": "1", "vulns": []}], 0),
        ([{"name": "a", "version": "1", "vulns": []}], 2),
        ([{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "not found"}], 2),
        ([{"name": "a", "version": "1", "vulns": [{"id": "X-1", "fix_versions": []}]}, {"name": "b", "skip_reason": ""}], 1),
        ([], 2),
    ],
)
def test_an_advisory_database_that_did_not_answer_is_no_clean_bill(found, status):
    said, judged = audit.verdict(found, asked=2)
    assert judged == status
    assert ("NOT AUDITED" in said) == (len([each for each in found if "vulns" in each]) < 2)


def test_a_file_that_git_does_not_track_stops_the_build(tmp_path):
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git clone")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", tmp_path], cwd=ROOT, check=True, capture_output=True)
    (wheel,), (sdist,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    with zipfile.ZipFile(wheel, "a") as opened:
        opened.writestr("airflow_provider_iyzico/notes.txt", "mine")
    with pytest.raises(SystemExit, match=r"notes\.txt"):
        release.check_contents(wheel, sdist)


def test_the_documentation_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path):
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--quiet", ROOT / "docs", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = {path: path.read_text() for path in Path(tmp_path).rglob("*.html")}
    for name in ("index", "data-engineer", "reference"):
        assert "MassPayoutBalanceSensor" in pages[tmp_path / f"{name}.html"]
    for path, page in pages.items():
        assert re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=\"(?:https?:)?//[^>]*>", page) == [], path


def test_the_forge_the_constraints_and_the_readme_know_the_versions_that_make_matrix_runs():
    names = [each.name for each in matrix.ENVIRONMENTS]
    assert sorted(path.stem.removeprefix("airflow-") for path in (ROOT / "constraints").glob("airflow-*")) == sorted(names)
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert sorted(re.search(r"name: \[(.*)\]", workflow)[1].split(", ")) == sorted(names[1:])  # the first is that of .ci/run
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition(matrix.MARKS[0])[2].partition(matrix.MARKS[1])[0]
    rows = re.findall(r"^\| ([0-9.]+) \| ([0-9.]+) \| (?:[0-9]+|no Python [0-9.]+ was found) \|", table, re.MULTILINE)
    assert rows == [(each.airflow, each.python) for each in matrix.ENVIRONMENTS]


def test_the_table_says_what_failed_and_what_did_not_run():
    green, red = (
        matrix.Result(matrix.ENVIRONMENTS[0], passed=9, skipped=1),
        matrix.Result(matrix.ENVIRONMENTS[1], passed=8, failed=1),
    )
    nothing = matrix.Result(matrix.ENVIRONMENTS[2], said="no Python 3.13 was found", is_missing=True)
    assert [each.is_green for each in (green, red, nothing)] == [True, False, False]
    assert "| 9 | 1 |" in matrix.table([green, red, nothing])
    assert "8, 1 failed" in matrix.table([red])
    assert "no Python 3.13 was found" in matrix.table([nothing])


def test_what_the_short_form_takes_is_there_and_part_of_the_whole():
    for name in matrix.SHORT:
        assert (ROOT / name).exists(), name
        assert name.startswith(tuple(matrix.TESTS)), name
