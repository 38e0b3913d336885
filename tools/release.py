"""Build what a release consists of, twice, and see that both are the same byte for byte: wheel, sdist and SBOM.

The first build takes the working tree, the second the unpacked sdist of the first, in another folder and under another umask.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import NAMESPACE_URL, uuid5

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "airflow_provider_iyzico"
CONSTRAINTS = ROOT / "constraints" / "airflow-3.3-python-3.11.txt"
#: Hatchling adds these to every sdist; .gitignore tells it what to leave out when it builds from there.
ALWAYS_IN_SDIST = {".gitignore", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}
DIST_INFO = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}


def make(folder: Path) -> list[Path]:
    """Build twice, compare, check, and leave the three files in an empty folder."""
    with TemporaryDirectory(prefix="iyzico-dist-") as temporary:
        first, second, elsewhere = (Path(temporary, name) for name in ("first", "second", "elsewhere"))
        wheel, sdist, _ = files = build(ROOT, first, umask=0o022)
        with tarfile.open(sdist) as archive:
            archive.extractall(elsewhere, filter="data")
        again = build(elsewhere / sdist.name.removesuffix(".tar.gz"), second, umask=0o077)
        different = [one.name for one, other in zip(files, again, strict=True) if one.read_bytes() != other.read_bytes()]
        if different or [one.name for one in files] != [other.name for other in again]:
            sys.exit(f"not reproducible, the two builds differ: {', '.join(different or ['file names'])}")
        check_contents(wheel, sdist)
        run(sys.executable, "-m", "twine", "--no-color", "check", "--strict", wheel, sdist)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return [Path(shutil.copy(file, folder)) for file in files]


def build(source: Path, folder: Path, umask: int) -> tuple[Path, Path, Path]:
    """Return wheel, sdist and SBOM, built from a folder of sources."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": git("log", "-1", "--format=%ct").strip()}
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=source, env=environment, umask=umask)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist, write_sbom(wheel, source, folder)


def write_sbom(wheel: Path, source: Path, folder: Path) -> Path:
    """List what the wheel brings along, as CycloneDX: what an installation with the constraints file holds, without extras."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    name, version, _ = wheel.name.split("-", 2)
    python = clean_environment(folder / "environment", wheel) / "python"
    shown = run(
        *(sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--no-validate"),
        *("--pyproject", source / "pyproject.toml", "--mc-type", "library", "--spec-version", "1.6", python),
    )
    bom = json.loads(shown)
    bom["metadata"]["component"] |= {"version": version, "purl": f"pkg:pypi/{name.replace('_', '-')}@{version}"}
    for component in [*bom["components"], *bom["metadata"]["tools"]["components"]]:
        component.pop("externalReferences", None)  # links to chats and funding say nothing about what is installed
    # The forge attests no SBOM without a serial number. Ours is not random: the same contents have the same.
    bom["serialNumber"] = uuid5(NAMESPACE_URL, json.dumps(bom, sort_keys=True)).urn
    text = json.dumps(bom, indent=1, sort_keys=True) + "\n"
    if wrong := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        sys.exit(f"the SBOM is not CycloneDX: {wrong}")
    sbom = folder / f"{name}-{version}.cdx.json"
    sbom.write_text(text, encoding="utf-8")
    return sbom


def clean_environment(folder: Path, wheel: Path) -> Path:
    """Install a wheel into a new virtual environment, and return the folder of its programs."""
    run(uv(), "venv", "--quiet", "--python", sys.executable, folder)
    run(uv(), "pip", "install", "--quiet", "--python", folder / "bin" / "python", "--constraints", CONSTRAINTS, wheel)
    return folder / "bin"


def check_contents(wheel: Path, sdist: Path) -> None:
    """Stop when a file is in there that git does not track, or is missing."""
    tracked = set(git("ls-files").splitlines())
    chosen = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    prefix = sdist.name.removesuffix(".tar.gz")
    with zipfile.ZipFile(wheel) as opened:
        in_wheel = {name.removeprefix(f"{prefix}.dist-info/") for name in opened.namelist()}
    with tarfile.open(sdist) as archive:
        in_sdist = {name.removeprefix(f"{prefix}/") for name in archive.getnames()}
    _compare(wheel.name, in_wheel, {name for name in tracked if name.startswith(f"{PACKAGE}/")} | DIST_INFO)
    _compare(sdist.name, in_sdist, {name for name in tracked if name.split("/")[0] in chosen} | ALWAYS_IN_SDIST)


def _compare(what: str, found: set[str], expected: set[str]) -> None:
    if found != expected:
        sys.exit(f"{what} holds what git does not track: {sorted(found - expected)}, and lacks: {sorted(expected - found)}")


def git(*arguments: str) -> str:
    """Ask git about the clone that this file stands in."""
    return run("git", *arguments, cwd=ROOT)


def uv() -> Path:
    return Path(sys.executable).with_name("uv")


def run(*command: str | Path, **options: object) -> str:
    """Return what a program printed, or stop with its complaint."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    for path in make(ROOT / "dist"):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  dist/{path.name}")
