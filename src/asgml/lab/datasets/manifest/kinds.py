"""What a column holds, decided by its cells: most of them are of one kind, and the others are problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from asgml.lab.datasets.manifest import numbers
from asgml.lab.datasets.manifest.table import FIXED, MISSING, Table, number
from asgml.lab.errors import InputError, did_you_mean

FILES = {
    "audio": (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".m4a", ".opus"),
    "image": (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"),
    "video": (".mp4", ".flv", ".avi", ".mov", ".mkv", ".webm", ".m4v"),
    "array": (".npy",),
}
"""Kind -> the endings of its files."""
SOUNDS = ("audio", "sound", "speech", "voice")
"""Names of columns that mean the sound of the films in them."""


def decide(table: Table, overrides: Mapping[str, str]) -> dict[str, str]:
    """Return modality -> kind, in the file's order. Raises InputError where an override names no such column."""
    for column in overrides:
        if column not in table.modalities:
            raise InputError(f"`dataset.columns`: must name columns of the manifest, found {column!r}"
                             f"{did_you_mean(column, table.modalities)}")  # fmt: skip
    _refuse_twins(table, overrides)
    found = {c: overrides.get(c) or _meant(c, _common([row.cells[c] for row in table.rows])) for c in table.modalities}
    for column in (c for c, kind in found.items() if kind == "text" and c not in overrides):
        numbers.refuse_others(column, table.cells(column))
    kept = {column: kind for column, kind in found.items() if kind != "ignore"}
    if not kept:
        raise InputError("`dataset.columns`: must leave a modality, found that all are to be ignored")
    return kept


def _meant(column: str, kind: str) -> str:
    """What a column's name says of films: one that is called a sound means theirs."""
    return "audio" if kind == "video" and column.strip().lower() in SOUNDS else kind


def _refuse_twins(table: Table, overrides: Mapping[str, str]) -> None:
    """A modality must not be called as a fixed column is, but for capitals."""
    for column in table.modalities:
        if column.casefold() in FIXED and column not in overrides:
            found = f"{column!r} may be meant for {column.casefold()!r}, which stands beside it"
            raise InputError(f"`dataset.columns`: {found}; take one away, or set `dataset.columns.{column}: ignore`")


def of(cell: Any) -> str:
    """The kind of one cell."""
    if vector(cell) is not None:
        return "vector"
    if isinstance(cell, str):
        ending = PurePath(cell).suffix.lower()
        return next((kind for kind, endings in FILES.items() if ending in endings), "text")
    return "nothing"


def vector(cell: Any) -> list[float] | None:
    """The numbers of a cell: a number, a list of them, or text with numbers between spaces, semicolons or commas."""
    if isinstance(cell, str):
        cell = numbers.parts(cell)
    parts: Sequence[Any] = cell if isinstance(cell, list) else [cell]
    found = [number(part) for part in parts]
    return [x for x in found if x is not None] if found and None not in found else None


def _common(cells: Sequence[Any]) -> str:
    """The kind of most cells; words such as `NA` count where nothing else is there."""
    written = [cell for cell in cells if cell is not None]
    told = [cell for cell in written if not (isinstance(cell, str) and cell.casefold() in MISSING)]
    counted = Counter(of(cell) for cell in told or written)
    counted.pop("nothing", None)
    return counted.most_common(1)[0][0] if counted else "text"
