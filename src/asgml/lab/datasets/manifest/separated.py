"""Cells between commas, semicolons, tabs or bars, as spreadsheets and programs write them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from asgml.lab.datasets.manifest.problems import Problem
from asgml.lab.datasets.manifest.table import Row, Table, columns_of
from asgml.lab.errors import InputError

BETWEEN = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
"""What may stand between cells."""
LONGEST = 1 << 26
"""Characters of a cell."""
SEP = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)
"""The line that tells Excel what stands between cells."""


def read(path: Path, text: str, usual: str) -> Table:
    """Return a table; `usual` is what the file's ending says stands between cells.

    InputError where it is no such text. Rows that hold nothing but empty cells are no rows.
    """
    notes: list[str] = []
    skipped = 0
    if match := SEP.match(text):
        usual, skipped, text = match[1], 1, text[match.end() :]
        notes.append(f"its first line says that {BETWEEN.get(usual, repr(usual))} stand between cells")
    delimiter = usual if skipped else _delimiter(text, usual)
    if delimiter != usual:
        notes.append(f"{BETWEEN[delimiter]} stand between cells")
    with _long_cells():
        rows = _rows(path, text, delimiter, skipped)
        header = next(rows, (1, []))[1]
        listed = list(rows)
    return _table(path, header, listed, notes, delimiter)


@contextmanager
def _long_cells() -> Iterator[None]:
    """Let cells be long, up to a bound, and leave the process as it was."""
    former = csv.field_size_limit(LONGEST)
    try:
        yield
    finally:
        csv.field_size_limit(former)


def _delimiter(text: str, usual: str) -> str:
    """What stands between the names of the first line: the usual, or the only other that gives an id and a label."""
    first = text[: text.find("\n") if "\n" in text else len(text)][:100_000]
    fits = [d for d in dict.fromkeys([usual, *BETWEEN]) if {"id", "label"} <= _names(first, d)]
    return fits[0] if fits else usual


def _names(line: str, delimiter: str) -> set[str]:
    try:
        return {name.strip().casefold() for name in next(csv.reader([line], delimiter=delimiter), [])}
    except csv.Error:
        return set()


def _rows(path: Path, text: str, delimiter: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1 + skipped
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1 + skipped
    except csv.Error as error:
        what = f"a cell of more than {LONGEST} characters" if "field larger" in str(error) else f"no CSV ({error})"
        raise InputError(f"{path}, line {reader.line_num + skipped}: {what}") from error


def _table(path: Path, header: Sequence[str], listed: Sequence[tuple[int, list[str]]], notes: list[str], between: str) -> Table:
    names, places, said = columns_of(path, header, [cells for _, cells in listed])
    rows: list[Row] = []
    problems: list[Problem] = []
    empty = 0
    for line, cells in listed:
        stripped = [cell.strip() or None for cell in cells]
        if not any(stripped):
            empty += 1
        elif words := _wrong(stripped, len(header), places):
            problems.append(Problem(line, "", words))
        else:
            rows.append(Row(line, {name: stripped[place] for name, place in zip(names, places, strict=True)}))
    if empty:
        notes.append(f"{empty} rows of empty cells are no samples")
    return Table(tuple(names), tuple(rows), tuple(problems), (*notes, *said), between)


def _wrong(cells: Sequence[str | None], width: int, places: Sequence[int]) -> str:
    """What is wrong with the cells of a row; empty ones may be too many, or lack where the header has no name."""
    if any(cells[width:]) or len(cells) <= max(places, default=-1):
        return f"must have {width} cells, as the header has, found {len(cells)}"
    return "must be text, found a null character in it" if any("\0" in cell for cell in cells if cell) else ""
