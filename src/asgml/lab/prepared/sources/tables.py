"""Reads the lists that come with data sets."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from asgml.lab.errors import InputError
from asgml.lab.files import read_text


def find(name: str, folders: Sequence[Path]) -> Path | None:
    """Return the first of the folders' files of this name."""
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def lines(path: Path) -> list[str]:
    """Return the lines of a text that are not blank; InputError where it cannot be read."""
    _refuse_others(path)
    try:
        return [line for line in read_text(path).splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--metadata: {path} cannot be read ({error})") from error


def rows(path: Path) -> list[list[str]]:
    """Return all rows of a CSV file; InputError where it is not one."""
    _refuse_others(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return [row for row in csv.reader(file, strict=True) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"--metadata: {path} cannot be read as CSV ({error})") from error


def _refuse_others(path: Path) -> None:
    """Raise InputError where a list is a pipe, which would wait for ever, or something else lies in its place."""
    from asgml.lab.media.failures import Reason, Unreadable, handle

    try:
        handle(path).close()
    except Unreadable as error:
        if error.reason is not Reason.EMPTY:
            raise InputError(f"--metadata: {path} cannot be read ({error})") from error


def records(path: Path | None, *columns: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file with a head line that has these columns; none where there is no file."""
    if path is None:
        return []
    head, *body = rows(path) or [[]]
    if missing := [name for name in columns if name not in head]:
        raise InputError(f"--metadata: {path} must have a column {missing[0]!r}, found {', '.join(head)}")
    least = max((head.index(name) for name in columns), default=-1)
    for number, row in enumerate(body, 2):
        if len(row) <= least:
            raise InputError(
                f"--metadata: {path}, row {number}: must have a cell under {head[least]!r}, found {len(row)} cells"
            )
    return [dict(zip(head, row, strict=False)) for row in body]
