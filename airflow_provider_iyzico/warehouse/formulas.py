"""Texts for spreadsheets, which take some texts for formulas."""

from __future__ import annotations

import re

#: A spreadsheet reads a text that begins with one of these as a formula. The later ones are wide, small or typographic forms.
_SIGNS = "=+@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212-"
#: Characters that take no room, such as marks of direction and DEL.
_INVISIBLE = r"\x7f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
#: Some programs split by another separator than ours, or drop blanks and invisible characters first. So a sign counts at the
#: beginning of a cell, and inside it after every character at which a program may begin a new cell.
_FORMULA = re.compile(rf"(^|[,;|\t\n\r\v\f\x85\u2028\u2029\"])([\s\x00-\x1f{_INVISIBLE}]*)(?=[{_SIGNS}])")
#: Programs that split by blanks or colons find texts such as ids, moments and sums in prose, which stay as they are: there a sign
#: counts unless it stands alone, before a figure, or begins an arrow.
_FORMULA_IN_PROSE = re.compile(rf"([ :])(?=[{_SIGNS}])(?![-+](?:[\d.,]*|>)(?:[\s;:)]|\Z))(?![{_SIGNS}](?:\s|\Z))")


def without_formula(text: str) -> str:
    """Return a text in which no spreadsheet finds a formula, whichever usual separator it uses."""
    return _FORMULA_IN_PROSE.sub(r"\1'", _FORMULA.sub(r"\1\2'", text))
