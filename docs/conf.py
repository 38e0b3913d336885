"""How ``make docs`` builds the pages: README, guides, and the reference from the docstrings. Nothing comes from the internet."""

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from airflow_provider_iyzico import __version__

project = "airflow-provider-iyzico"
version = release = __version__
copyright = ""  # noqa: A001
html_title = project
html_show_copyright = html_show_sphinx = False
html_copy_source = html_show_sourcelink = False
html_theme = "furo"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1e64ff", "color-brand-content": "#1e64ff"},
    "dark_css_variables": {"color-brand-primary": "#7da6ff", "color-brand-content": "#7da6ff"},
}
html_static_path = ["style"]
html_css_files = ["tables.css"]

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_heading_anchors = 4
autodoc_class_signature = "mixed"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
add_module_names = False

#: A broken reference to a name of ours stops the build; those of Python and Airflow are not on these pages.
nitpicky = True
nitpick_ignore = [("py:class", f"airflow_provider_iyzico.{name}") for name in ("api.call.T", "errors.E")]
nitpick_ignore_regex = [(r"py:.*", r"(?!airflow_provider_iyzico)(?!Iyzico)(?!Warehouse).*")]

ROOT = Path(__file__).resolve().parent.parent
_LINK = re.compile(r"\[([^\]\n]+)\]\((?!https?:)([\w./-]+)?(#[\w-]+)?\)")


def link_within_the_pages(text: str) -> str:
    """Turn links between files of the repository into links between pages; a file that is no page keeps its name only."""

    def turn(found: re.Match[str]) -> str:
        words, path, anchor = found[1], found[2], found[3] or ""
        if path is None or path.endswith(".png"):
            return found[0].replace("(docs/", "(")
        name = path.removeprefix("../").removeprefix("docs/")
        if "/" in name or name == "LICENSE":
            return words
        if (ROOT / name).exists():
            name = "index.md" if name == "README.md" else name.lower()
        return f"[{words}]({name}{anchor})"

    return _LINK.sub(turn, text)


def setup(app: Sphinx) -> None:
    def read(_app: Sphinx, *arguments: Any) -> None:
        content = arguments[-1]
        content[0] = link_within_the_pages(content[0])

    app.connect("source-read", read)
    app.connect("include-read", read)
