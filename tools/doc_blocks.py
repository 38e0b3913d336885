"""Write the Python blocks of the README into a package, so that ``make lint`` can check their types.

    python tools/readme_blocks.py FOLDER

A block that quotes a file of ``dags/`` is left out: the file itself is checked, and a test compares the two. Each block stands
at its own lines, so that what a checker says names the place in the README.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"
BLOCK = re.compile(r"(?P<quoted><!-- quoted: [^\n]*-->\n)?```python\n(?P<code>.*?)```", re.DOTALL)


def blocks(readme: str) -> dict[int, str]:
    """Return the blocks that quote no file, by the line on which each begins."""
    own = [found for found in BLOCK.finditer(readme) if not found["quoted"]]
    return {readme.count("\n", 0, found.start("code")) + 1: found["code"] for found in own}


def write(folder: Path) -> None:
    """Make the folder again, with one module for each block."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    for line, code in blocks(README.read_text(encoding="utf-8")).items():
        (folder / f"line_{line}.py").write_text("\n" * (line - 1) + code, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
