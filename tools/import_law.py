"""The import law of ``pyproject.toml``: one contract a room, which names all that the room may import.

A list of what is forbidden lets through what nobody thought of, such as a new library. So each room says what is allowed.
"""

from __future__ import annotations

import sys
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class RoomContract(Contract):
    """Modules of a room import each other, the standard library, ``may_import``, and nothing else.

    - room: packages or modules, each with all that is below it
    - may_import: the same of other rooms, and libraries by their first name
    """

    type_name = "room"

    room = fields.SetField(subfield=fields.StringField())
    may_import = fields.SetField(subfield=fields.StringField(), required=False, default=frozenset())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Find every import of the room that its contract does not name."""
        room, root = set(self.room), str(self.session_options["root_packages"][0])
        missing = sorted(name for name in room if name not in graph.modules)
        found: list[dict[str, Any]] = []
        for module in sorted(each for each in graph.modules if _is_in(each, room)):
            for imported in sorted(graph.find_modules_directly_imported_by(module)):
                is_library = not _is_in(imported, {root})
                if imported == root or _is_in(imported, room | set(self.may_import)):
                    continue
                if not is_library or imported.partition(".")[0] not in sys.stdlib_module_names:
                    found += graph.get_import_details(importer=module, imported=imported)
        return ContractCheck(kept=not found and not missing, metadata={"found": found, "missing": missing})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Name each import, and where it stands."""
        for name in check.metadata["missing"]:
            output.print_error(f"there is no module {name}")
        for each in check.metadata["found"]:
            output.print_error(f"{each['importer']}, line {each['line_number']}: {each['line_contents']}")


def _is_in(module: str, packages: set[str]) -> bool:
    return any(module == each or module.startswith(f"{each}.") for each in packages)
