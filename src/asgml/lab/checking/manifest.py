"""What stands out in a manifest beside what its arrays tell: lengths of clips, groups that are not there, names of files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from asgml.lab.checking import lengths, names
from asgml.lab.datasets.manifest import paths, reading
from asgml.lab.datasets.manifest.preparing import Examined


def words(found: Examined, folder: Path) -> list[str]:
    """Return what stands out, in sentences; `folder` is the manifest's."""
    files = {cell for name, kind in found.kinds.items() if kind in paths.FILES
             for cell in found.table.cells(name) if isinstance(cell, str)}  # fmt: skip
    return [*lengths.words(_seconds(found, folder)), *_groups(found), *names.apart("Files", files)]


def _groups(found: Examined) -> Iterator[str]:
    """Say which rows have no group, where there are groups."""
    if "group" not in found.table.columns:
        return
    bare = [row for row in found.good if row.cells.get("group") is None]
    if len(bare) == len(found.good):
        yield "Groups: the column `group` holds nothing: every row counts as a group of its own."
    elif bare:
        example = f"{bare[0].cells['id']} (line {bare[0].line})"
        yield (f"Groups: {len(bare)} of {len(found.good)} rows have none, such as {example}: each counts as a group of its "
               "own, and its like may stand in another split.")  # fmt: skip


def _seconds(found: Examined, folder: Path) -> dict[str, dict[str, float]]:
    """Return column -> id -> how long the clip lasts, of the rows that can be used."""
    ids = {row.line: str(row.cells["id"]) for row in found.good}
    measured = dict(found.lengths)
    for name, kind in found.kinds.items():
        if kind == "video":
            measured[name] = {row.line: s for row in found.good if (s := _film(row.cells[name], folder)) is not None}
    return {name: {ids[line]: s for line, s in of.items() if line in ids} for name, of in measured.items()}


def _film(cell: object, folder: Path) -> float | None:
    """Seconds of a film; None where there is none."""
    from asgml.lab.media import video

    try:
        return video.length(reading.located(cell, folder)) if cell is not None else None
    except Exception:  # a film that cannot be measured was told when it was read
        return None
