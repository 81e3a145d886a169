"""Reads the file: CSV, TSV or JSON Lines to rows of cells, each with its line."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgml.lab.datasets.manifest.problems import Problem, shown
from asgml.lab.datasets.settings import ENDINGS
from asgml.lab.errors import InputError

FIXED = ("id", "label", "split", "group")
"""The columns that are no modality."""


@dataclass(frozen=True, slots=True)
class Row:
    """A sample: `cells` has every column; None stands for an empty cell."""

    line: int
    cells: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns in the file's order, rows, and the lines that are none."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]

    @property
    def modalities(self) -> tuple[str, ...]:
        """The columns that are no fixed ones."""
        return tuple(c for c in self.columns if c not in FIXED)


def read(path: Path) -> Table:
    """Read a manifest. Raises InputError where the file as a whole cannot be used."""
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"`dataset.path`: must end in {', '.join(ENDINGS)}, found {path.name!r}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"`dataset.path`: {path} cannot be read as UTF-8 text ({error})") from error
    delimiter = ENDINGS[path.suffix.lower()]
    table = _separated(path, text, delimiter) if delimiter else _json_lines(text)
    _refuse_columns(path, table)
    return table


def _separated(path: Path, text: str, delimiter: str) -> Table:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[Row] = []
    problems: list[Problem] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        if len(set(header)) < len(header) or not all(header):
            raise InputError(f"{path}: every column must have a name of its own, found {header}")
        line = reader.line_num + 1
        for cells in reader:
            if cells and len(cells) != len(header):
                problems.append(Problem(line, "", f"must have {len(header)} cells, as the header has, found {len(cells)}"))
            elif cells:
                rows.append(Row(line, {n: c.strip() or None for n, c in zip(header, cells, strict=True)}))
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: no CSV ({error})") from error
    return Table(tuple(header), tuple(rows), tuple(problems))


def _json_lines(text: str) -> Table:
    rows: list[Row] = []
    problems: list[Problem] = []
    for line, found in _objects(text):
        if isinstance(found, dict):
            rows.append(Row(line, {k: None if v in ("", []) and k != "label" else v for k, v in found.items()}))
        else:
            problems.append(Problem(line, "", f"must be a JSON object, {found}"))
    columns = tuple(dict.fromkeys(name for row in rows for name in row.cells))
    return Table(columns, tuple(Row(r.line, {c: r.cells.get(c) for c in columns}) for r in rows), tuple(problems))


def _objects(text: str) -> Iterator[tuple[int, Any]]:
    """Every line that is not blank: its object, or words that say what was found."""
    for line, written in enumerate(text.split("\n"), 1):
        if written.strip():
            try:
                found = json.loads(written, parse_constant=_refuse_constant, object_pairs_hook=_unique)
            except (ValueError, RecursionError) as error:
                found = f"found {shown(written.strip())} ({error})"
            yield line, found if isinstance(found, dict | str) else f"found {shown(found)}"


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number that JSON has")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _refuse_columns(path: Path, table: Table) -> None:
    if not table.rows and not table.problems:
        raise InputError(f"{path}: must have a header and a row per sample, found none")
    if lost := [c for c in ("id", "label") if c not in table.columns]:
        found = f"no {' and no '.join(lost)} in {list(table.columns)}"
        raise InputError(f"{path}: must have the columns id and label, found {found}")
    if not table.modalities:
        raise InputError(f"{path}: must have a column per modality beside {', '.join(FIXED)}, found none")


def number(value: Any) -> float | None:
    """A finite number, written as such or as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and not (isinstance(value, str) and "_" in value) else None
