"""Ask the advisory database about every run-time dependency, extras included, as the constraints file pins them.

Ends with 0 when nothing is known against them, with 1 when something is, and with 2 when the database could not be asked
about all of them: then nothing is known at all, and that is a failure, too.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from release import CONSTRAINTS, ROOT, run, uv

UNKNOWN = 2


def pins() -> str:
    """Return what an installation with all extras holds, one ``name==version`` a line."""
    return run(uv(), "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--all-extras", "--constraints", CONSTRAINTS,
               "--python-version", "3.11", ROOT / "pyproject.toml")  # fmt: skip


def audit(folder: Path) -> int:
    """Run pip-audit, and tell what it found from what it could not ask."""
    wanted, report = folder / "pins.txt", folder / "report.json"
    wanted.write_text(pins())
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(wanted), "--no-deps", "--disable-pip"]
    command += ["--progress-spinner", "off", "--format", "json", "--output", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(report.read_text())["dependencies"] if report.exists() else []
    said, status = verdict(found, asked=len(wanted.read_text().splitlines()))
    print(said if found else f"{said}\n{done.stderr.strip()[-500:]}")
    return status


def verdict(found: list[dict[str, Any]], asked: int) -> tuple[str, int]:
    """Judge pip-audit's report. By itself it is content with packages that the database does not answer for."""
    answered = [each for each in found if "skip_reason" not in each]
    lines = [
        f"{each['name']} {each['version']}: {problem['id']}, mended in {', '.join(problem['fix_versions']) or 'no version yet'}"
        for each in answered
        for problem in each["vulns"]
    ]
    status = 1 if lines else 0
    if len(answered) < asked:
        lines.append(
            f"NOT AUDITED: of {asked} packages the advisory database answered for {len(answered)}. "
            "It must be reachable; nothing is known about the others."
        )
        status = status or UNKNOWN
    return "\n".join(lines) or f"{asked} packages, nothing known against them.", status


if __name__ == "__main__":
    with TemporaryDirectory(prefix="iyzico-audit-") as temporary:
        sys.exit(audit(Path(temporary)))
