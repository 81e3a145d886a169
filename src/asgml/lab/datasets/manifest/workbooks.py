"""Tables that are no text: an Excel workbook's first sheet (`.xlsx`), and Parquet files."""

from __future__ import annotations

import math
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from asgml.lab.datasets.manifest.problems import Problem
from asgml.lab.datasets.manifest.table import Row, Table, columns_of
from asgml.lab.datasets.manifest.text import refuse_stand_in
from asgml.lab.errors import InputError
from asgml.lab.files import read_bytes

LARGEST = 1 << 31
"""Bytes that a file may have once it is unpacked."""
ERRORS = ("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#GETTING_DATA")
"""What Excel writes where a formula failed."""
Rows = Iterator[Sequence[Any]]


def read(path: Path) -> Table:
    """Return the table of a workbook or a Parquet file. InputError where it is none, or what reads it is not installed."""
    if not path.is_file():
        raise InputError(f"`dataset.path`: there is no file {path}")
    with suppress(OSError):  # said below
        refuse_stand_in(path, read_bytes(path, 1024))
    try:
        return READERS[path.suffix.lower()](path)
    except InputError:
        raise
    except Exception as error:  # a damaged file fails in many ways
        words = str(error).split("\n")[0] or type(error).__name__
        ending, advice = path.suffix.lower()[1:], "a manifest's name must end in what it is, such as .csv"
        raise InputError(f"`dataset.path`: {path} cannot be read as {ending} ({words}); {advice}") from error


def _missing(path: Path, package: str, error: Exception) -> InputError:
    needs = f"reading {path.suffix.lower()} needs {package} (found: {error})"
    return InputError(f"`dataset.path`: {needs}; pip install 'asgml[tables]', or save the table as CSV")


def _excel(path: Path) -> Table:
    try:
        from openpyxl import load_workbook
    except Exception as error:  # a broken installation fails in many ways
        raise _missing(path, "openpyxl", error) from error
    with zipfile.ZipFile(path) as parts:
        _refuse_large(path, sum(part.file_size for part in parts.infolist()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of extensions that hold no cells
        values, written = (load_workbook(path, read_only=True, data_only=saved) for saved in (True, False))
        try:
            return _sheet(path, values, written)
        finally:
            values.close()
            written.close()


def _sheet(path: Path, values: Any, written: Any) -> Table:
    """The first sheet: the values that were saved, and formulas that have none are problems."""
    names, listed, problems = values.sheetnames, list[tuple[int, list[Any]]](), list[Problem]()
    rows = zip(values.worksheets[0].iter_rows(values_only=True), written.worksheets[0].iter_rows(values_only=True), strict=True)
    for line, (found, formulas) in enumerate(rows, 1):
        cells = [_plain(cell) for cell in found]
        if failed := [c for c in cells if c in ERRORS]:
            problems.append(Problem(line, "", f"must hold values, found {failed[0]}, a formula that failed"))
        elif any(cell is None and formula is not None for cell, formula in zip(cells, formulas, strict=False)):
            problems.append(Problem(line, "", "must hold values, found a formula whose value was not saved; save it in Excel"))
        elif any(cell is not None for cell in cells):
            listed.append((line, cells))
    notes = [f"the sheet {names[0]!r} of {len(names)} is read"] if len(names) > 1 else []
    header = listed[0][1] if listed else []
    return _table(path, header, listed[1:], problems, notes)


def _parquet(path: Path) -> Table:
    try:
        from pyarrow import parquet
    except Exception as error:  # a broken installation fails in many ways
        raise _missing(path, "pyarrow", error) from error
    with parquet.ParquetFile(path) as file:
        about = file.metadata
        _refuse_large(path, sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups)))
        found = file.read()
    columns = [found.column(i).to_pylist() for i in range(found.num_columns)]
    listed = [(line, [_plain(cell) for cell in cells]) for line, cells in enumerate(zip(*columns, strict=True), 1)]
    return _table(path, found.column_names, listed, [], [])


def _table(
    path: Path, header: Sequence[Any], listed: Sequence[tuple[int, list[Any]]], problems: Sequence[Problem], notes: list[str]
) -> Table:
    names, places, said = columns_of(path, header, [cells for _, cells in listed])
    rows = [
        Row(line, {n: cells[p] if p < len(cells) else None for n, p in zip(names, places, strict=True)})
        for line, cells in listed
    ]
    return Table(tuple(names), tuple(rows), tuple(problems), (*notes, *said))


def _refuse_large(path: Path, size: int) -> None:
    if size > LARGEST:
        raise InputError(
            f"`dataset.path`: {path} has {size} bytes once it is unpacked, {LARGEST} at most can be read; save it as CSV"
        )


def _plain(cell: Any) -> Any:
    """A cell as JSON would have it: numbers, text, lists; None for what is empty."""
    if isinstance(cell, str):
        return cell.strip() or None
    if isinstance(cell, float):
        return None if math.isnan(cell) else cell
    if isinstance(cell, Decimal):
        return float(cell)
    if isinstance(cell, datetime | date | time | timedelta):
        return str(cell)
    return [_plain(part) for part in cell] if isinstance(cell, list | tuple) else cell


READERS: Mapping[str, Callable[[Path], Table]] = {".xlsx": _excel, ".parquet": _parquet}
