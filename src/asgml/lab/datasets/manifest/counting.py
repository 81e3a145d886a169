"""Columns that number the rows, as pandas and databases add them: they tell a model where a row stood, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from asgml.lab.datasets.manifest.table import Table, number

ROW = r"rows?([ _]?(id|nr|no|num|number|index|names?))?"
NAMES = re.compile(
    rf"unnamed: ?\d+(_level_\d+)?|__index_level_\d+__|level_\d+|index|idx|{ROW}|#|nr\.?|no\.?|lfd\.? ?nr\.?", re.IGNORECASE
)
"""What such columns are called."""
LEAST = 10
"""Rows from which on numbers that go up one by one are no chance."""


def told(table: Table, kinds: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return the columns that number the rows and are left out, and in words why, and how to use them anyway.

    `kinds` are those of the columns that the settings do not name. Where no other column is left that varies, none is left out,
    and it is said what they seem to be.
    """
    counting = {column: words for column, kind in kinds.items() if kind == "vector" and (words := _words(table, column))}
    others = [c for c in table.modalities if c not in counting and len({str(cell) for cell in table.cells(c)}) > 1]
    if not others:
        return [], [f"{column} {words}: a model can learn from it where a row stood" for column, words in counting.items()]
    way = "to use it anyway, set `dataset.columns: {{{}: vector}}`"
    said = [f"{column} {words} and is left out; {way.format(json.dumps(column))}" for column, words in counting.items()]
    return list(counting), said


def _words(table: Table, column: str) -> str:
    """Why a column numbers the rows; nothing where it does not."""
    cells = [row.cells[column] for row in table.rows]
    numbers = [n for cell in cells if cell is not None and (n := number(cell)) is not None]
    whole = len(numbers) == len([c for c in cells if c is not None]) and all(n == int(n) for n in numbers)
    if not whole or len(set(numbers)) < len(numbers):
        return ""
    if NAMES.fullmatch(column):
        return "is called as a column that numbers the rows"
    if len(numbers) < max(LEAST, len(cells)):
        return ""
    if max(numbers) - min(numbers) == len(numbers) - 1:
        return f"numbers the rows, from {min(numbers):.0f} to {max(numbers):.0f}"
    return "goes up from row to row, as a number of rows does" if _rises(numbers) else ""


def _rises(numbers: Sequence[Any]) -> bool:
    return all(a < b for a, b in pairwise(numbers)) or all(a > b for a, b in pairwise(numbers))
