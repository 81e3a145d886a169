"""Columns that hold the same: one of them tells nothing that the other does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from asgml.lab.datasets.manifest.columns import Column

LOOKED_AT = 200
"""Rows, evenly over all, that are compared."""
FILES = ("audio", "image", "video", "array")
MOST = 0.5
"""Of files: more of them alike than this share are no accident. Numbers and texts may be short: all rows must be alike."""


def notes(columns: Sequence[Column]) -> Iterator[str]:
    """Yield a warning for every two columns that hold the same files, under whatever names, or the same numbers or texts."""
    for one, other in combinations(columns, 2):
        if one.kind != other.kind:
            continue
        lines = [line for line in one.arrays if line in other.arrays]
        lines = [lines[i] for i in np.unique(np.linspace(0, len(lines) - 1, min(len(lines), LOOKED_AT)).astype(int))]
        alike = sum(np.array_equal(one.arrays[line], other.arrays[line]) for line in lines)
        if alike > 1 and (alike > MOST * len(lines) if one.kind in FILES else alike == len(lines)):
            yield _words(one, other, alike, len(lines))


def _words(one: Column, other: Column, alike: int, rows: int) -> str:
    out = f"leave one out with `dataset.columns: {{{other.name}: ignore}}`"
    sound = f", or take the sound of its films with `{{{other.name}: audio}}`" if one.kind == "video" else ""
    return f"the columns {one.name} and {other.name} hold the same in {alike} of {rows} rows that were compared: {out}{sound}"
