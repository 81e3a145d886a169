"""What a manifest is once it is read, whatever file it stood in: rows of cells, each with its line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgml.lab.datasets.manifest.problems import Problem, shown
from asgml.lab.errors import InputError

FIXED = ("id", "label", "split", "group")
"""The columns that are no modality."""
MISSING = ("nan", "na", "n/a", "#n/a", "null", "none", "nil", "<na>", "nat", "-", "?", "missing")
"""What people and programs write where nothing is known, in small letters."""
UNNAMED = "Unnamed: "
"""What a column without a name is called, with its place; pandas writes the same."""


@dataclass(frozen=True, slots=True)
class Row:
    """A sample: `cells` has every column; None stands for an empty cell."""

    line: int
    cells: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns in the file's order, rows, the lines that are none, and in words how the file was read."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()
    between: str = ""
    """What stands between cells; nothing where they are no text."""

    @property
    def modalities(self) -> tuple[str, ...]:
        """The columns that are no fixed ones."""
        return tuple(c for c in self.columns if c not in FIXED)

    def cells(self, column: str) -> list[Any]:
        """The cells of a column that are not empty."""
        return [row.cells[column] for row in self.rows if row.cells[column] is not None]


def columns_of(path: Path, header: Sequence[Any], rows: Sequence[Sequence[Any]]) -> tuple[list[str], list[int], list[str]]:
    """Return the names of the columns, their places, and in words what was made of the header.

    A column without a name is left out where it is empty, and called `Unnamed: 0` where its cells are numbers.
    InputError where two columns have one name, or one has none.
    """
    names: list[str] = []
    places: list[int] = []
    empty = 0
    for place, written in enumerate(header):
        name = "" if written is None else str(written).strip("\ufeff \t\r\n\xa0")
        cells = [row[place] for row in rows if place < len(row) and row[place] not in (None, "") and str(row[place]).strip()]
        if not name and not cells:
            empty += 1
            continue
        names.append(name or _unnamed(path, place, cells))
        places.append(place)
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise InputError(f"{path}: every column must have a name of its own, found {twice[0]!r} twice in {names}")
    renamed, said = _fixed(names)
    notes = [f"{empty} columns without a name hold nothing and are left out"] if empty else []
    return renamed, places, [*notes, *said]


def _unnamed(path: Path, place: int, cells: Sequence[Any]) -> str:
    if any(number(cell) is None for cell in cells):
        raise InputError(f"{path}: every column must have a name of its own, found none over column {place + 1}, which holds "
                         f"{shown(cells[0])}")  # fmt: skip
    return f"{UNNAMED}{place}"


def _fixed(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Take `ID` or `Label` for `id` or `label`, where these are not there."""
    renamed, notes = list(names), list[str]()
    for at, name in enumerate(names):
        plain = name.casefold()
        if plain in FIXED and plain not in renamed:
            renamed[at] = plain
            notes.append(f"the column {name!r} is taken for {plain!r}")
    return renamed, notes


def number(value: Any) -> float | None:
    """A finite number, written as such or as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and not (isinstance(value, str) and "_" in value) else None
