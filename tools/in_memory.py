"""Run a command whose temporary files stay in memory, where this machine has enough of it: the tests' databases wait for no disk.

    python tools/in_memory.py make test

Where $TMPDIR is set, where there is no /dev/shm or too little of it, and where nothing can be executed there, the command runs as
it is. The files are gone afterwards.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
#: All tests at once were seen to need less than a quarter of it.
NEEDED_BYTES = 8 * 2**30


def has_room() -> bool:
    """Tell whether temporary files fit into memory, and programs among them can run."""
    try:
        found, free = os.statvfs(MEMORY), Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return False
    (available,) = (int(line.split()[1]) * 1024 for line in free.splitlines() if line.startswith("MemAvailable:"))
    return not found.f_flag & os.ST_NOEXEC and min(found.f_bavail * found.f_frsize, available) >= NEEDED_BYTES


def main(command: list[str]) -> int:
    if "TMPDIR" in os.environ or not has_room():
        return subprocess.call(command)
    with tempfile.TemporaryDirectory(prefix="iyzico-", dir=MEMORY, ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # the servers run as another user, if you are root
        with subprocess.Popen(command, env=os.environ | {"TMPDIR": folder}) as running:
            signal.signal(signal.SIGINT, lambda *_: None)  # a terminal sends it to the command, too, which ends its servers
            signal.signal(signal.SIGTERM, lambda *_: running.terminate())
            return running.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
