"""The file that a cell names: paths as Windows and macOS write them are found, too."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path

from asgml.lab.datasets.manifest.table import MISSING, Table

DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
FILES = ("audio", "image", "video", "array")
"""Kinds whose cells name a file."""


def find(cell: str, folder: Path) -> Path | None:
    """Return the file, relative to the manifest's folder, None where there is none. ValueError or OSError for impossible names.

    Where there is none of this name, backslashes are tried as slashes, and letters with accents in both of their forms.
    """
    return next((folder / name for name in _spellings(cell) if (folder / name).is_file()), None)


def _spellings(cell: str) -> Iterator[str]:
    yield cell
    slashes = cell.replace("\\", "/")
    for name in dict.fromkeys((slashes, *(unicodedata.normalize(form, slashes) for form in ("NFC", "NFD")))):
        if name != cell:
            yield name


def why_not(cell: str) -> str:
    """What may be wrong with a name that no file has."""
    if ADDRESS.match(cell):
        return "; it is an address: get the file, and name it by its path"
    if DRIVE.match(cell):
        return "; it names a drive of another computer: write paths relative to the manifest's folder"
    if cell.casefold() in MISSING:
        return "; leave the cell empty where there is none"
    if Path(cell).is_file():
        return "; there is one from where the command runs: write paths relative to the manifest's folder"
    if cell[:1] in ("'", '"') and cell[:1] == cell[-1:]:
        return "; take the quotation marks away"
    return ""


def notes(table: Table, what: Mapping[str, str]) -> list[str]:
    """Say where paths are not read as they are written."""
    cells = [cell for name, kind in what.items() if kind in FILES for cell in table.cells(name) if isinstance(cell, str)]
    return ["backslashes in paths are read as slashes"] if any("\\" in cell and not DRIVE.match(cell) for cell in cells) else []
