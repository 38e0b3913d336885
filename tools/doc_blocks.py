"""The code blocks of README and guides, and how each of them is checked.

    python tools/doc_blocks.py FOLDER

writes the Python blocks into a package, so that ``make lint`` can check their types. A block that quotes a file of ``dags/`` is
left out: the file itself is checked, and a test compares the two. Each block stands at its own lines, so that what a checker says
names the place in the guide.
"""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
#: A directive of MyST stands in the same fences, with its name in braces.
BLOCK = re.compile(
    r"(?:^ *<!-- (?P<kind>run|quoted): (?P<what>[^\n]*?) -->\n)?^(?P<indent> *)```(?P<language>\{[\w-]+\}|[\w-]*)[^\n]*\n"
    r"(?P<code>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """One fenced block.

    :param line: of its first line of code
    :param run: the name under which a test runs it
    :param quoted: the file that it quotes, and the name of the part
    """

    page: Path
    line: int
    language: str
    code: str
    run: str | None = None
    quoted: tuple[str, str] | None = None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}, line {self.line}"


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page, without the directives of MyST."""
    text = page.read_text(encoding="utf-8")
    found = [each for each in BLOCK.finditer(text) if not each["language"].startswith("{")]
    return [
        Block(
            page,
            text.count("\n", 0, each.start("code")) + 1,
            each["language"],
            textwrap.dedent(each["code"]),
            run=each["what"] if each["kind"] == "run" else None,
            quoted=tuple(each["what"].split()) if each["kind"] == "quoted" else None,  # type: ignore[arg-type]
        )
        for each in found
    ]


def all_blocks() -> list[Block]:
    return [block for page in PAGES for block in blocks(page)]


def typed_blocks() -> list[Block]:
    """Return the Python blocks that quote no file."""
    return [block for block in all_blocks() if block.language == "python" and not block.quoted]


def write(folder: Path) -> None:
    """Make the folder again, with one module for each Python block that quotes no file."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    for block in typed_blocks():
        name = f"{block.page.stem.replace('-', '_').lower()}_line_{block.line}.py"
        (folder / name).write_text("\n" * (block.line - 1) + block.code, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
