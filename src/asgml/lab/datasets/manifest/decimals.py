"""Decimal commas: `0,5` in a column of numbers, as much of Europe writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from asgml.lab.datasets.manifest.numbers import GROUPED
from asgml.lab.datasets.manifest.problems import shown
from asgml.lab.datasets.manifest.table import FIXED, Row, Table, number
from asgml.lab.errors import InputError

COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
"""What may be a number of thousands as well: `1,234`."""


def read(table: Table, overrides: Mapping[str, str], task: str | None) -> Table:
    """Return the table with points in place of decimal commas, and say where; `overrides` say what columns hold.

    InputError where `1,234` may be two numbers, or where a file has both points and commas.
    """
    told = {column for column, kind in overrides.items() if kind != "vector"}
    asked = [c for c in table.columns if c not in told and (c not in FIXED or (c == "label" and task in (None, "regression")))]
    found = [column for column in asked if _holds_commas(table.cells(column))]
    if found == ["label"] and table.between != ";" and task is None:
        found = []  # a set of labels may be written so, too
    if not found:
        return table
    _refuse_both(table, found)
    rows = tuple(Row(row.line, {c: _pointed(v) if c in found else v for c, v in row.cells.items()}) for row in table.rows)
    return replace(table, rows=rows, notes=(*table.notes, f"decimal commas are read in {', '.join(found)}"))


def pointed(cell: str) -> str:
    """Return a cell of numbers with points in place of decimal commas; any other cell, and `1,234`, as it is."""
    plain = any(THOUSANDS.fullmatch(part) for part in _parts(cell)) or not _holds_commas([cell])
    return cell if plain else _pointed(cell)


def _parts(cell: Any) -> list[str]:
    """What stands between spaces or semicolons in a cell of text."""
    if isinstance(cell, str):
        return [cell] if GROUPED.search(cell) else cell.replace(";", " ").split()
    return []


def _holds_commas(cells: Iterable[Any]) -> bool:
    """Whether all cells are numbers, some with a comma."""
    commas = False
    for cell in cells:
        for part in _parts(cell):
            if COMMA.fullmatch(part):
                commas = True
            elif number(part) is None:
                return False
        if not isinstance(cell, str | int | float):
            return False
    return commas


def _refuse_both(table: Table, found: Iterable[str]) -> None:
    for column in found:
        written = [part for cell in table.cells(column) for part in _parts(cell)]
        commas, points = ([part for part in written if sign in part] for sign in ",.")
        other = "`dataset.task: classification`" if column == "label" else f"`dataset.columns.{column}: text`"
        way_out = f"write numbers with a point, or set {other}"
        if points:
            both = f"{shown(commas[0])} and {shown(points[0])}"
            raise InputError(
                f"`dataset.path`: the numbers of {column} must have one sign for decimals, found {both}; {way_out}"
            )
        if all(THOUSANDS.fullmatch(part) for part in commas):
            both = f"{commas[0].replace(',', '.')} or {commas[0].replace(',', '')}"
            raise InputError(f"`dataset.path`: {shown(commas[0])} in {column} may be {both}; {way_out}")


def _pointed(cell: Any) -> Any:
    return cell.replace(",", ".") if isinstance(cell, str) else cell
