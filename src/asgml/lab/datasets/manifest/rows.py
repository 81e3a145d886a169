"""Reads the file: CSV, TSV, JSON Lines, Excel or Parquet to rows of cells, each with its line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from asgml.lab.datasets.manifest import separated, workbooks
from asgml.lab.datasets.manifest.problems import Problem, shown
from asgml.lab.datasets.manifest.table import FIXED, Row, Table, columns_of, number
from asgml.lab.datasets.manifest.text import read as text_of
from asgml.lab.datasets.settings import ENDINGS
from asgml.lab.errors import InputError, short

__all__ = ["FIXED", "Row", "Table", "number", "read"]


def read(path: Path) -> Table:
    """Read a manifest. Raises InputError where the file as a whole cannot be used."""
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise InputError(f"`dataset.path`: must end in {', '.join(ENDINGS)}, found {short(path.name)}{_advice(ending)}")
    if ending in workbooks.READERS:
        table = workbooks.read(path)
    else:
        text, notes = text_of(path)
        table = separated.read(path, text, ENDINGS[ending]) if ENDINGS[ending] else _json_lines(path, text)
        table = replace(table, notes=(*notes, *table.notes))
    _refuse_columns(path, table)
    return table


def _advice(ending: str) -> str:
    return "; save it as .xlsx or .csv" if ending in (".xls", ".xlsm", ".xlsb", ".ods", ".numbers") else ""


def _json_lines(path: Path, text: str) -> Table:
    rows: list[Row] = []
    problems: list[Problem] = []
    for line, found in _objects(text):
        if isinstance(found, dict):
            rows.append(Row(line, {k: None if v in ("", []) and k != "label" else v for k, v in found.items()}))
        else:
            problems.append(Problem(line, "", f"must be a JSON object, {found}"))
    keys = list(dict.fromkeys(name for row in rows for name in row.cells))
    names, places, notes = columns_of(path, keys, [[row.cells.get(key) for key in keys] for row in rows])
    kept = [(name, keys[place]) for name, place in zip(names, places, strict=True)]
    made = tuple(Row(row.line, {name: row.cells.get(key) for name, key in kept}) for row in rows)
    return Table(tuple(names), made, tuple(problems), tuple(notes))


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
    if not table.rows and not table.columns:
        raise InputError(f"{path}: must have a row per sample that can be read, found none; {table.problems[0]}")
    if lost := [c for c in ("id", "label") if c not in table.columns]:
        found = f"no {' and no '.join(lost)} in {list(table.columns)}"
        raise InputError(f"{path}: must have the columns id and label, named in its first row, found {found}")
    if not table.modalities:
        raise InputError(f"{path}: must have a column per modality beside {', '.join(FIXED)}, found none")
