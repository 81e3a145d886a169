"""Columns that number the rows, as pandas and databases add them: they tell a model where a row stood, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from asgml.lab.datasets.manifest import kinds
from asgml.lab.datasets.manifest.table import Table

ROW = r"rows?([ _]?(id|nr|no|num|number|index|names?))?"
PANDAS = r"unnamed: ?\d+(_level_\d+)?|__index_level_\d+__"
NAMES = re.compile(rf"{PANDAS}|level_\d+|index|idx|{ROW}|#|nr\.?|no\.?|lfd\.? ?nr\.?", re.IGNORECASE)
"""What such columns are called."""
WORDS = re.compile(r"(rows?|index|idx|line|nr\.?|no\.?|number)?[ _:#-]*", re.IGNORECASE)
"""What stands before the number in cells such as `row 12`."""
LEAST = 10
"""Rows from which on numbers that go up one by one are no chance."""
MOST = 0.9
"""Of the rows: where fewer have a number, numbers that are near to each other are no sign."""
DATE = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d([.,]\d+)?)?)?(Z|[+-]\d\d:?\d\d)?")
"""Days and times whose order is that of their letters."""


class Said(NamedTuple):
    """Why a column numbers the rows, and whether that is so sure that it is left out."""

    words: str
    sure: bool = True


def told(table: Table, what: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return the columns that number the rows and are left out, and in words why, and how to use them anyway.

    `what` are the kinds of the columns that the settings do not name. What may be a measure, too, stays and is said. Where no
    other column is left that varies, none is left out, and it is said what they seem to be.
    """
    found = {column: said for column, kind in what.items() if (said := _said(table, column, kind))}
    counting = [column for column, said in found.items() if said.sure]
    others = [c for c in table.modalities if c not in counting and len({str(cell) for cell in table.cells(c)}) > 1]
    out = counting if others else []
    return out, [_told(column, what[column], said, column in out, bool(others)) for column, said in found.items()]


def _told(column: str, kind: str, said: Said, out: bool, others: bool) -> str:
    name = json.dumps(column, ensure_ascii=False)
    if out:
        return f"{column} {said.words} and is left out; to use it anyway, set `dataset.columns: {{{name}: {kind}}}`"
    way = f"; to leave it out, set `dataset.columns: {{{name}: ignore}}`" * others
    return f"{column} {said.words}: a model can learn from it where a row stood{way}"


def _said(table: Table, column: str, kind: str) -> Said | None:
    """Why a column numbers the rows; None where it does not."""
    cells = table.cells(column)
    if kind == "text":
        return _of_text(table, column, cells)
    numbers = [vector[0] for cell in cells if (vector := kinds.vector(cell)) and len(vector) == 1]
    if kind != "vector" or len(numbers) < len(cells):
        return None
    if not all(n == int(n) for n in numbers):
        return Said("goes up or down from row to row", sure=False) if len(numbers) >= LEAST and _rises(numbers) else None
    return _of_numbers(column, numbers, len(table.rows))


def _of_numbers(column: str, numbers: Sequence[float], rows: int) -> Said | None:
    """Whole numbers: by their name, or by what they are."""
    once = len(set(numbers)) == len(numbers)
    if re.fullmatch(PANDAS, column, re.IGNORECASE) or (once and NAMES.fullmatch(column)):
        return Said("is called as a column that numbers the rows")
    if len(numbers) < LEAST:
        return None
    if not once:  # as where tables were put together, each with numbers of its own
        again = "numbers the rows more than once, as where tables were put together"
        return Said(again, sure=bool(NAMES.fullmatch(column))) if _starts_again(numbers) else None
    if max(numbers) - min(numbers) < rows and len(numbers) >= MOST * rows:
        return Said(f"numbers the rows, from {min(numbers):.0f} to {max(numbers):.0f}")
    return Said("goes up from row to row, as a number of rows does") if _rises(numbers) else None


def _of_text(table: Table, column: str, cells: Sequence[Any]) -> Said | None:
    """Texts such as `row 12`, days and times in order, and the ids once more."""
    written = [str(cell) for cell in cells]
    if len(written) < LEAST or len(set(written)) < len(written):
        return None
    if all(DATE.fullmatch(cell) for cell in written):
        return Said("holds days or times that go up from row to row") if _rises(written) else None
    if column != "id" and written == [str(cell) for cell in table.cells("id")]:
        return Said("holds what the column id holds", sure=False)
    before, numbers = _numbered(written)
    if not numbers or not WORDS.fullmatch(before):
        return None  # a text with a number in it may be one that somebody said
    found = _of_numbers("", numbers, len(table.rows))
    return Said(f"{found.words}, as {written[0]!r}") if found and found.sure else None


def _numbered(written: Sequence[str]) -> tuple[str, list[float]]:
    """What stands before the number in every cell, and the numbers; none where other things differ."""
    before = _beginning(written).rstrip("0123456789")
    behind = _beginning([cell[::-1] for cell in written])[::-1].lstrip("0123456789")
    inner = [cell[len(before) : len(cell) - len(behind)] for cell in written]
    digits = all(len(cell) < 16 and cell.isascii() and cell.isdecimal() for cell in inner)
    return before, [float(cell) for cell in inner] if digits else []


def _beginning(written: Sequence[str]) -> str:
    """The characters with which all begin: the first and the last by letter differ most."""
    first, last = min(written), max(written)
    differ = (at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1])
    return first[: next(differ, min(len(first), len(last)))]


def _starts_again(numbers: Sequence[float]) -> bool:
    """Whether numbers go up one by one, and a few times begin anew where the first one began."""
    starts = [b for a, b in pairwise(numbers) if b != a + 1]
    return set(starts) == {numbers[0]} and len(starts) + 1 <= len(numbers) / LEAST


def _rises(numbers: Sequence[Any]) -> bool:
    return all(a < b for a, b in pairwise(numbers)) or all(a > b for a, b in pairwise(numbers))
