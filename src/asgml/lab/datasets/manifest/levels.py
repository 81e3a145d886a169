"""Pictures of one column whose numbers cannot be compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from asgml.lab.datasets.manifest.columns import Column


def notes(columns: Sequence[Column]) -> Iterator[str]:
    """Yield a warning for a column in which some pictures go from 0 to 1, and others keep numbers of their own."""
    for column in columns:
        if column.kind != "image":
            continue
        own = [line for line, x in column.arrays.items() if x.min() < 0 or x.max() > 1]
        if 0 < len(own) < len(column.arrays):
            some = f"{len(own)} of {len(column.arrays)} pictures, such as that of line {own[0]}"
            yield (f"{column.name}: {some}, are greys of 32 bits or with a fraction and keep their own numbers, the others go "
                   "from 0 to 1: save all in one way")  # fmt: skip
