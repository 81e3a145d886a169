"""Numbers in a cell of text: the ways of writing them that are clear, and those that would pass for words."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from asgml.lab.datasets.manifest.problems import shown
from asgml.lab.datasets.manifest.table import MISSING, number
from asgml.lab.errors import InputError

SPACES = re.compile(r"[\s;]+|,\s+")
"""What may stand between numbers."""
POINT = re.compile(r"[+-]?(\d+\.\d*|\.\d+)([eE][+-]?\d+)?")
"""A number with a point: between such, a comma is no decimal one."""
WHOLE = re.compile(r"[+-]?\d+")
THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+")
GROUPED = re.compile(r"\d[\xa0\u2009\u202f]\d{3}(?!\d)")
"""Thousands as French and Swedish spreadsheets write them, with a space that does not break: one number, not two."""
MONEY = "[€$£¥]?"
AMOUNT = re.compile(rf"{MONEY}\s?[-+\u2212]?{MONEY}\s?\d[\d.,'\u2019\xa0\u2009\u202f]*(\s?[%‰€$£¥])?")
"""A number with signs for thousands, of money or of a share, or with a long minus."""
DOTTED = re.compile(r"\d+(\.\d+){2,}")
"""A day such as 31.12.2024, a version, an address."""
LISTED = re.compile(r"(np\.)?(array|tensor)?\(?\[[-+\d.,;eE\s\[\]\u2026]*\](,.*)?\)?", re.DOTALL)
"""A list as numpy and torch print it, cut with `...` or with lists in it."""


def parts(cell: str) -> list[Any]:
    """What stands between spaces, semicolons or commas in a text: numbers where it holds numbers.

    Lists may stand in brackets, as JSON, numpy and Python write them. A comma alone is read as one between numbers where all
    have a point, or where they are whole, three or more, and no thousands.
    """
    if cell.startswith("["):
        try:
            found = json.loads(cell)
        except (ValueError, RecursionError):
            found = None  # `[0.5 1.5]` of numpy
        if isinstance(found, list):
            return found
    if GROUPED.search(cell):
        return [cell]
    inner = cell[1:-1].strip(" \t\r\n,") if cell[:1] + cell[-1:] in ("[]", "()") else cell
    written = [part for part in SPACES.split(inner.strip()) if part]
    if len(written) != 1 or "," not in inner:
        return written
    between = inner.split(",")
    bare = inner is cell and not all(POINT.fullmatch(part) for part in between)
    listed = all(WHOLE.fullmatch(part) for part in between) and len(between) > 2 and not THOUSANDS.fullmatch(inner)
    return written if bare and not listed else between


def refuse_others(column: str, cells: Sequence[Any]) -> None:
    """Raise InputError where most cells of a column that would be text are numbers that cannot be read."""
    told = [cell for cell in cells if isinstance(cell, str) and cell.casefold() not in MISSING]
    found = [cell for cell in told if _is_number(cell)]
    if found and 2 * len(found) > len(told):
        must = "must be numbers as `1234.5`, and lists of them as `1 2.5`, without other signs"
        way = f"or set `dataset.columns.{column}: text`"
        raise InputError(f"`dataset.path`: {column}: {must}, found {shown(found[0])}; write them so, {way}")


def _is_number(cell: str) -> bool:
    """Whether a text is a number, or a list of them, in a way that is not read."""
    if not any(sign.isdecimal() for sign in cell) or number(cell) is not None:
        return False
    return bool((AMOUNT.fullmatch(cell) and not DOTTED.fullmatch(cell)) or LISTED.fullmatch(cell))
