"""What the tests use that no Python package brings: the one place that knows the programs and the names of their packages.

python tools/needs.py    print the packages of Debian that are missing here
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass

#: Servers are in /usr/sbin, which is not on everybody's path.
PLACES = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
INSTALL = "apt-get install --yes --no-install-recommends"


@dataclass(frozen=True, slots=True)
class Need:
    """Something that the system brings.

    :param tests: what is tested with it, and left out without it
    :param programs: any of these will do
    :param packages: those of Debian and Ubuntu that bring it
    :param variable: names another one
    """

    tests: str
    programs: tuple[str, ...]
    packages: tuple[str, ...]
    variable: str = ""

    def found(self) -> str | None:
        """Return what the variable names, or the path of the first program that is there."""
        named = os.environ.get(self.variable) if self.variable else None
        return named or next(filter(None, (shutil.which(name, path=PLACES) for name in self.programs)), None)

    def __str__(self) -> str:
        """Say what is left out, and why."""
        other = f", and ${self.variable} names no other" if self.variable else ""
        return f"{self.tests}: {' or '.join(self.programs)} is not installed{other}"


CHROMIUM = Need(
    "the page and the form of a Connection in a real browser",
    ("chromium", "chromium-browser", "google-chrome"),
    ("chromium",),
    "CHROMIUM",
)
MARIADB = Need("MariaDB as a warehouse", ("mariadbd",), ("mariadb-server",), "TEST_MARIADB_URL")
MARIADB_CLIENT = Need("Airflow's own hook for MariaDB", ("mariadb_config",), ("libmariadb-dev", "pkg-config"))
#: What only ``make distributed`` needs, which does not run without it.
REDIS = Need("Airflow on many machines", ("redis-server",), ("redis-server",))
NEEDS = (CHROMIUM, MARIADB, MARIADB_CLIENT)


def missing() -> list[Need]:
    """Return what is not here."""
    return [need for need in NEEDS if not need.found()]


def command(needs: list[Need]) -> str:
    """Return the one command that brings it."""
    return f"{INSTALL} {' '.join(package for need in needs for package in need.packages)}"


def report() -> list[str]:
    """Return what to tell the reader of the test output: nothing where nothing is missing."""
    needs = missing()
    return ["LEFT OUT, because this machine lacks it:", *[f"  {need}" for need in needs], f"  {command(needs)}"] if needs else []


if __name__ == "__main__":
    print(" ".join(package for need in missing() for package in need.packages))
