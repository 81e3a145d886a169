"""From a manifest to a data set: read, check every row, split, stack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from asgml.lab.datasets._base import Data, Test, Train, Validation
from asgml.lab.datasets.manifest import hearing, labels, levels, paths, reading, splitting, twins
from asgml.lab.datasets.manifest.columns import Column
from asgml.lab.datasets.manifest.labels import Labelled
from asgml.lab.datasets.manifest.opening import opened
from asgml.lab.datasets.manifest.problems import Problem, refuse
from asgml.lab.datasets.manifest.table import Row, Table
from asgml.lab.datasets.settings import Manifest
from asgml.lab.errors import InputError
from asgml.lab.files import read_bytes

VERSION = 4
"""Raise it when the same settings, seed and files give other arrays than before: cached ones are then prepared anew."""
LIBRARIES = ("numpy", "scipy", "soundfile", "pillow", "av")
"""What the arrays come from beside this package: another version of one of these is prepared anew."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A manifest, read: what its columns hold, the labels, every problem, and the rows that have none."""

    table: Table
    kinds: dict[str, str]
    labelled: Labelled
    columns: tuple[Column, ...]
    problems: tuple[Problem, ...]
    good: tuple[Row, ...]
    cut: int
    """Texts that are longer than `text_length`."""
    notes: tuple[str, ...] = ()
    """What share of the sounds is heard, and columns that hold the same."""
    lengths: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    """Column of sounds -> line -> how many seconds the clip lasts."""


def examine(settings: Manifest) -> Examined:
    """Read everything that a manifest names. Raises InputError where it cannot be used as a whole."""
    table, what = opened(settings)
    labelled = labels.decide(table.rows, settings.task)
    found = [*table.problems, *labelled.problems, *splitting.problems(table.rows), *_identities(table), *_bare(table, what)]
    columns, notes, lengths = [], list[str](), dict[str, Mapping[int, float]]()
    for name, kind in what.items():
        how = hearing.heard(table, name, settings) if kind == "audio" else None
        column, bad = _column(
            table, name, kind, settings.model_copy(update={"audio_seconds": how.seconds}) if how else settings
        )
        columns.append(column)
        notes += [how.note(name)] if how else []
        lengths |= {name: how.lengths} if how else {}
        found += [*bad, *column.odd()]
    lines = {p.line for p in found}
    good = tuple(row for row in table.rows if row.line not in lines)
    texts = [row.cells[m] for row in good for m, kind in what.items() if kind == "text" and row.cells[m] is not None]
    cut = sum(len(str(t)) > settings.text_length for t in texts)
    return Examined(
        table,
        what,
        labelled,
        tuple(columns),
        tuple(sorted(found)),
        good,
        cut,
        (*filter(None, notes), *levels.notes(columns), *twins.notes(columns)),
        lengths,
    )


def files(settings: Manifest) -> dict[str, bytes]:
    """Return, for the cache, what the manifest holds, and size and time of every file that it names."""
    table, what = opened(settings)
    found = {"": read_bytes(settings.path)}
    for name in (name for name, kind in what.items() if kind in paths.FILES):
        cells = {cell for cell in table.cells(name) if isinstance(cell, str)} - found.keys()
        found |= {cell: _stamp(settings, cell) for cell in cells}
    return found


def _stamp(settings: Manifest, cell: str) -> bytes:
    """Size and time of a file, as a prepared store has them: reading all of them would take every cell minutes."""
    try:
        about = reading.located(cell, settings.path.parent).stat()
    except (reading.Bad, OSError):
        return b""  # told by its line when it is read
    return f"{about.st_size} {about.st_mtime_ns}".encode()


def prepare(settings: Manifest, seed: int, files: dict[str, bytes]) -> Data:
    """Return the data set. Raises InputError that names every row which cannot be used, unless they are to be left out."""
    found = examine(settings)
    if settings.bad_rows == "refuse":
        refuse(settings.path, found.problems)
    if not found.good:
        raise InputError(f"`dataset.path`: {settings.path} has no row that can be used; asgml data check names what is wrong")
    return _data(settings, seed, found)


def _data(settings: Manifest, seed: int, found: Examined) -> Data:
    answers = found.labelled.array(found.good)
    ids = np.array([str(row.cells["id"]) for row in found.good])
    groups = np.array([str(row.cells["id"] if (g := row.cells.get("group")) is None else g) for row in found.good])
    named, how = splitting.split(found.good, answers, groups, settings.validation, settings.test, seed)
    lines = [row.line for row in found.good]
    stacked = {c.name: c.stacked(lines, named == "train", arrays=settings.arrays == "scaled") for c in found.columns}

    def part(kind: Any, name: str) -> Any:
        here = named == name
        present = {m: mask[here] for m, (_, mask, _) in stacked.items() if not mask.all()}
        return kind({m: x[here] for m, (x, _, _) in stacked.items()}, answers[here], ids[here], groups[here], present)

    raw = {m: kept for m, (_, _, kept) in stacked.items()}
    parts = part(Train, "train"), part(Validation, "validation"), part(Test, "test")
    return Data(*parts, found.labelled.classes, _note(settings, found, how), found.labelled.task, raw)


def _note(settings: Manifest, found: Examined, how: str) -> str:
    lost = len({p.line for p in found.problems})
    said = [f"{settings.path.name}, {how}", *found.table.notes, *found.labelled.notes]
    said += [f"{lost} rows that cannot be used were left out, such as {found.problems[0]}"] if lost else []
    said += [f"{found.cut} texts were cut to {settings.text_length} characters"] if found.cut else []
    said += found.notes
    return "; ".join(said) + "."


def _identities(table: Table) -> list[Problem]:
    """Rows without an id, or with one that stood there before."""
    counted = Counter(str(row.cells["id"]) for row in table.rows if row.cells["id"] is not None)
    seen: set[str] = set()
    found = []
    for row in table.rows:
        name = row.cells["id"]
        if name is None or isinstance(name, list | dict):
            found.append(Problem(row.line, "id", f"must be a name, found {'nothing' if name is None else name!r}"))
        elif counted[str(name)] > 1 and str(name) in seen:
            found.append(Problem(row.line, "id", f"must be the only one, found {name!r} in {counted[str(name)]} rows"))
        seen.add(str(name))
    return found


def _bare(table: Table, what: dict[str, str]) -> list[Problem]:
    return [Problem(row.line, "", f"must have one of {', '.join(what)}, found none")
            for row in table.rows if all(row.cells[m] is None for m in what)]  # fmt: skip


def _column(table: Table, name: str, kind: str, settings: Manifest) -> tuple[Column, list[Problem]]:
    arrays, bad = {}, []
    for row in table.rows:
        if (cell := row.cells[name]) is None:
            continue
        try:
            arrays[row.line] = reading.read(kind, cell, settings.path.parent, settings)
        except reading.Bad as error:
            bad.append(Problem(row.line, name, str(error)))
    return Column(name, kind, arrays), bad
