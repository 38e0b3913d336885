"""Write the reports as a dbt package into build/dbt/iyzico, from the texts that the provider makes its own views of.

    python tools/dbt_package.py [FOLDER]

Each view is a model. What each dialect says in its own words is a macro that dbt dispatches by adapter. What columns mean is read
from the tables of the guides for finance.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Table

from airflow_provider_iyzico import __version__
from airflow_provider_iyzico.ledger import views as ledger_views
from airflow_provider_iyzico.ledger.tables import ledger_tables
from airflow_provider_iyzico.warehouse import views as warehouse_views
from airflow_provider_iyzico.warehouse.tables import report_tables, snapshot_table
from airflow_provider_iyzico.warehouse.views.dialects import COLUMNAR, DEFAULT_CADENCE_MINUTES, LATE_CADENCES, STANDARD

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "dbt" / "iyzico"
GUIDES = ("docs/finance.md", "docs/close-a-month.md")
#: What dbt calls the dialects that it has an adapter for.
ADAPTERS = {"postgresql": "postgres", **{name: name for name in COLUMNAR}}
#: The adapters of warehouses where the roll-up is views, and so models.
_ROLLS_UP = f"target.type in {sorted(ADAPTERS[dialect] for dialect in ADAPTERS if dialect in COLUMNAR)}"
_ACCOUNT = ("environment", "account", "currency")
_BATCH = ("environment", "account", "external_id")
#: Which columns are different in each row of a view.
KEYS = {
    "iyzico_account": _ACCOUNT,
    "iyzico_report_day": ("report_timezone", "local_date"),
    "iyzico_balance_day": (*_ACCOUNT, "local_date"),
    "iyzico_balance_latest": _ACCOUNT,
    "iyzico_balance_observed": ("snapshot_id",),
    "iyzico_balance_interval": ("snapshot_id",),
    "iyzico_balance_movement": ("snapshot_id",),
    "iyzico_balance_daily": (*_ACCOUNT, "local_date"),
    "iyzico_balance_below": (*_ACCOUNT, "local_date", "threshold"),
    "iyzico_payout_coverage": ("gate_id",),
    "iyzico_balance_runway": (*_ACCOUNT, "window_days"),
    "iyzico_snapshot_gap": (*_ACCOUNT, "local_date"),
    "iyzico_balance_available": _ACCOUNT,
    "iyzico_payout_authorization": (*_BATCH, "version"),
    "iyzico_payout_item_report": (*_BATCH, "item_external_id"),
    "iyzico_payout_summary": _BATCH,
    "iyzico_payout_daily": (*_ACCOUNT, "local_date"),
    "iyzico_payout_movement": (*_BATCH, "item_external_id", "version", "direction"),
    "iyzico_balance_rollforward": (*_ACCOUNT, "local_date"),
    "iyzico_balance_rollforward_month": (*_ACCOUNT, "month"),
}
PAYOUTS = (*ledger_views.VIEWS, *ledger_views.ROLLFORWARD_VIEWS)
MODELS = (*warehouse_views.VIEWS, *PAYOUTS)
#: What a macro says where the adapter has no such word. No query asks for it, but dbt wants to find it.
NO_WORD = "{{ exceptions.raise_compiler_error('no word of iyzico for %s on ' ~ target.type) }}"
_OWN_NAME = r"(?<![\w.])iyzico_\w+"  # after a dot it is a column
_PART = re.compile(rf"\$(?P<word>\w+)(?P<opens>\[)?|\{{(?P<argument>\d|all)\}}|(?P<name>{_OWN_NAME})|(?P<ends>[;\]])")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text that is not just letters: a word with its arguments, an argument of the word itself, or a name of ours."""

    kind: str
    name: str
    arguments: tuple[list[Any], ...] = ()


def pieces(text: str) -> list[Any]:
    """Return letters and pieces of a text, in turn."""
    return _until_its_end(text, _PART.finditer(text), 0, is_argument=False)[0]


def _until_its_end(text: str, found: Iterator[re.Match[str]], begin: int, *, is_argument: bool) -> tuple[list[Any], str, int]:
    """Return what a text or an argument of a word consists of, what ended it, and where."""
    parts: list[Any] = []
    for part in found:
        if part["ends"] and not is_argument:
            continue
        parts.append(text[begin : part.start()])
        begin = part.end()
        if part["ends"]:
            return parts, part["ends"], begin
        if part["word"]:
            arguments, end = [], ";" if part["opens"] else ""
            while end == ";":
                argument, end, begin = _until_its_end(text, found, begin, is_argument=True)
                arguments.append(argument)
            parts.append(Piece("word", part["word"], tuple(arguments)))
        else:
            parts.append(Piece("argument" if part["argument"] else "name", part["argument"] or part["name"]))
    return [*parts, text[begin:]], "", len(text)


@dataclass(frozen=True, slots=True)
class Jinja:
    """Says a text as dbt has it.

    :param prefix: how the macros of its words begin
    """

    prefix: str = ""

    def block(self, text: str) -> str:
        """Return a text with its pieces in double braces."""
        return "".join(part if isinstance(part, str) else f"{{{{ {self._piece(part)} }}}}" for part in pieces(text))

    def _expression(self, parts: list[Any]) -> str:
        said = [json.dumps(part) if isinstance(part, str) else self._piece(part) for part in _stripped(parts)]
        return " ~ ".join(said) or '""'

    def _piece(self, piece: Piece) -> str:
        if piece.kind == "word":
            return f"iyzico.{self.prefix}{piece.name}({', '.join(map(self._expression, piece.arguments))})"
        if piece.kind == "argument":
            return "varargs | join(', ')" if piece.name == "all" else f"varargs[{piece.name}]"
        if piece.name in warehouse_views.ROLL_UP_VIEWS:
            return f"iyzico.rolled_up('{piece.name}')"
        return f"ref('{piece.name}')" if piece.name in MODELS else f"source('iyzico', '{piece.name}')"


def _stripped(parts: list[Any]) -> list[Any]:
    """Return the parts of an argument without blanks around it."""
    first, *others = parts
    parts = [first.lstrip(), *others]
    if isinstance(parts[-1], str):
        parts[-1] = parts[-1].rstrip()
    return [part for part in parts if part != ""]


def macros(standard: Mapping[str, str], words: Mapping[str, Mapping[str, str]], prefix: str = "") -> str:
    """Return a macro for every word, which dbt dispatches, and what it says by default and for each adapter."""
    jinja, said = Jinja(prefix), []
    names = sorted({*standard, *(name for own in words.values() for name in own)} - {"quote"})
    for name in names:
        macro = f"{prefix}{name}"
        dispatched = f"return(adapter.dispatch('{macro}', 'iyzico')(*varargs))"
        said.append(f"{{% macro {macro}() %}}{{{{ {dispatched} }}}}{{% endmacro %}}\n")
        texts = {
            "default": standard.get(name, NO_WORD % name),
            **{ADAPTERS[dialect]: own.get(name) for dialect, own in words.items()},
        }
        for adapter, text in texts.items():
            if text is not None and (adapter == "default" or text != standard.get(name)):
                said.append(f"{{% macro {adapter}__{macro}() -%}}\n{jinja.block(text)}\n{{%- endmacro %}}\n")
    return "\n".join(said)


def head_and_query(package: str, name: str) -> tuple[str, str]:
    """Return what a view says about itself, and its query."""
    text = files(package).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    head, query = re.match(r"((?:--[^\n]*\n)*)(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    said = " ".join(line.removeprefix("--").strip() for line in head.splitlines())
    return said.replace("$cadence", str(DEFAULT_CADENCE_MINUTES)), query.strip() + "\n"


def meanings() -> dict[str, dict[str, str]]:
    """Return what the guides say about the columns of each view and table that they begin a section with."""
    said: dict[str, dict[str, str]] = {}
    for guide in GUIDES:
        for section in re.split(r"^##+ ", (ROOT / guide).read_text(encoding="utf-8"), flags=re.MULTILINE):
            about = re.findall(r"`(iyzico_\w+)` (?:has|looks|names|says|lists)", section.partition("| column |")[0])
            rows = re.findall(r"^\| (`[^|]*) \| (.*?) \|$", section.partition("| column |")[2], flags=re.MULTILINE)
            columns = {column: _plain(meaning) for names, meaning in rows for column in re.findall(r"`(\w+)`", names)}
            for name in about:
                said.setdefault(name, {}).update(columns)
    return said


def _plain(text: str) -> str:
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)


def described(name: str, said: Mapping[str, Mapping[str, str]], required: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the columns of a table or view that a guide explains or that must not be null."""
    columns: dict[str, dict[str, Any]] = {}
    for column in dict.fromkeys([*required, *said.get(name, ())]):
        columns[column] = {"name": column}
        if meaning := said.get(name, {}).get(column):
            columns[column]["description"] = meaning
        if column in required:
            columns[column]["data_tests"] = ["not_null"]
    return list(columns.values())


def unique(columns: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"unique_together": {"arguments": {"columns": list(columns)}}}]


def model(name: str, description: str, said: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    key = KEYS.get(name, ())
    found: dict[str, Any] = {"name": name, "description": description, "columns": described(name, said, key)}
    return found | ({"data_tests": unique(key)} if key else {})


def source(table: Table, said: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    name, key = str(table.name), tuple(str(column.name) for column in table.primary_key.columns)
    required = tuple(str(column.name) for column in table.columns if not column.nullable)
    return {"name": name, "columns": described(name, said, required), "data_tests": unique(key)}


def sources(said: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return the tables that tasks write. Those of the ledger count where it is in the same schema."""
    snapshots = source(snapshot_table(), said)
    late = f"{{{{ (var('iyzico_cadence_minutes', {DEFAULT_CADENCE_MINUTES}) * %s) | int }}}}"
    snapshots["config"] = {
        "loaded_at_field": "observed_at",
        "freshness": {
            "warn_after": {"count": late % LATE_CADENCES, "period": "minute"},
            "error_after": {"count": late % (LATE_CADENCES + 2), "period": "minute"},
        },
    }
    tables = report_tables()
    of_the_reports = [
        source(table, said) | ({"config": {"enabled": f"{{{{ not ({_ROLLS_UP}) }}}}"}} if table in tables.rolled_up else {})
        for table in tables
    ]
    of_the_ledger = [
        source(table, said) | {"config": {"enabled": "{{ var('iyzico_payouts', false) }}"}} for table in ledger_tables()
    ]
    return {
        "name": "iyzico",
        "description": "The tables that the tasks of airflow-provider-iyzico write.",
        "database": "{{ var('iyzico_database', none) or target.database }}",
        "schema": "{{ var('iyzico_schema', none) or target.schema }}",
        "tables": [snapshots, *of_the_reports, *of_the_ledger],
    }


PROJECT: dict[str, Any] = {
    "name": "iyzico",
    "version": __version__,
    "config-version": 2,
    "require-dbt-version": [">=1.10.6"],
    "model-paths": ["models"],
    "macro-paths": ["macros"],
    "test-paths": ["tests"],
    "models": {"iyzico": {"+materialized": "view"}},
}
#: Tests of more than one row, by name: what they look for, and whether it must not be, or is only worth a warning.
TESTS = {
    "closing_of_a_day_is_opening_of_the_next": (
        "error",
        """SELECT day.environment, day.account, day.currency, day.local_date, day.closing, following.opening
FROM {{ ref('iyzico_balance_daily') }} AS day
JOIN {{ ref('iyzico_balance_daily') }} AS following
    ON following.environment = day.environment
    AND following.account = day.account
    AND following.currency = day.currency
    AND following.starts_at = day.ends_at
WHERE day.closing IS NOT NULL AND (following.opening IS NULL OR following.opening <> day.closing)
""",
    ),
    "every_account_has_a_fresh_snapshot": (
        "warn",
        """-- By the cadence that is stated for each account.
SELECT environment, account, currency, observed_at, age_minutes, cadence_minutes
FROM {{ ref('iyzico_balance_latest') }}
WHERE is_stale = 1
""",
    ),
}
#: The daily roll-up is a table that the tasks keep, or a model.
ROLLED_UP = f"""{{% macro rolled_up(name) %}}
{{%- if {_ROLLS_UP} -%}}
{{{{ return(ref(name)) }}}}
{{%- else -%}}
{{{{ return(source('iyzico', name)) }}}}
{{%- endif -%}}
{{% endmacro %}}
"""
#: What stands around the queries of models that not every project has. dbt also reads those that are not enabled.
ROLL_UP = f"{{{{ config(enabled={_ROLLS_UP}) }}}}\n{{% if {_ROLLS_UP} %}}\n{{}}{{% endif %}}\n"
PAYOUT = "{{ config(enabled=var('iyzico_payouts', false)) }}\n{}"
UNIQUE_TOGETHER = """{% test unique_together(model, columns) %}
SELECT {{ columns | join(', ') }}, count(*) AS how_often
FROM {{ model }}
GROUP BY {{ columns | join(', ') }}
HAVING count(*) > 1
{% endtest %}
"""


def write(folder: Path = FOLDER) -> Path:
    """Write the package into a folder, in place of an earlier one, and return the folder."""
    if folder.exists() and any(folder.iterdir()) and not _holds_the_package(folder):
        sys.exit(f"{folder} holds something else; name a folder that is empty or not there")
    shutil.rmtree(folder, ignore_errors=True)
    said = meanings()
    _write(folder / "dbt_project.yml", _yaml(PROJECT))
    _write(folder / "README.md", readme())
    _write(folder / "models" / "sources.yml", _yaml({"sources": [sources(said)]}))
    for part, package, names, jinja, frame in (
        ("balances", warehouse_views.__name__, warehouse_views.VIEWS, Jinja(), "{}"),
        ("roll_up", warehouse_views.__name__, warehouse_views.ROLL_UP_VIEWS, Jinja(), ROLL_UP),
        ("payouts", ledger_views.__name__, PAYOUTS, Jinja("ledger_"), PAYOUT),
    ):
        models = []
        for name in names:
            head, query = head_and_query(package, name)
            models.append(model(name, head, said))
            _write(folder / "models" / part / f"{name}.sql", frame.replace("{}", jinja.block(query)))
        _write(folder / "models" / part / f"{part}.yml", _yaml({"models": models}))
    _write(folder / "macros" / "rolled_up.sql", ROLLED_UP)
    words = {dialect: warehouse_views.WORDS[dialect] for dialect in ADAPTERS}
    _write(folder / "macros" / "balances.sql", macros(STANDARD, words))
    _write(folder / "macros" / "payouts.sql", macros(ledger_views.WORDS["postgresql"], {}, "ledger_"))
    _write(folder / "tests" / "generic" / "unique_together.sql", UNIQUE_TOGETHER)
    for name, (severity, query) in TESTS.items():
        _write(folder / "tests" / f"iyzico_{name}.sql", f"{{{{ config(severity='{severity}') }}}}\n{query}")
    return folder


def _holds_the_package(folder: Path) -> bool:
    project = folder / "dbt_project.yml"
    return project.exists() and yaml.safe_load(project.read_text(encoding="utf-8")).get("name") == PROJECT["name"]


def readme() -> str:
    """Return the guide, for somebody who has the package and not the other guides."""
    text = (ROOT / "docs" / "dbt.md").read_text(encoding="utf-8")
    return _plain(re.sub(r"In a clone of the repository.*?```console.*?```\n\n", "", text, count=1, flags=re.DOTALL))


def _yaml(value: Mapping[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=130)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    print(write(*map(Path, sys.argv[1:])))
