"""A manifest and what its columns hold, as everything that uses it sees it: read once, by the settings."""

from __future__ import annotations

from dataclasses import replace

from asgml.lab.datasets import _names
from asgml.lab.datasets.manifest import counting, decimals, kinds, paths, rows
from asgml.lab.datasets.manifest.table import Table
from asgml.lab.datasets.settings import Manifest


def opened(settings: Manifest) -> tuple[Table, dict[str, str]]:
    """Return the table, its notes saying how it was read, and modality -> kind in the file's order.

    InputError where the file cannot be used as a whole.
    """
    table = decimals.read(rows.read(settings.path), settings.columns, settings.task)
    what = kinds.decide(table, settings.columns)
    left_out, words = counting.told(table, {column: kind for column, kind in what.items() if column not in settings.columns})
    kept = {column: kind for column, kind in what.items() if column not in left_out}
    _names.refuse(kept, "dataset.columns")
    return replace(table, notes=(*table.notes, *words, *paths.notes(table, kept))), kept
