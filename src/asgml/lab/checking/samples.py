"""Facts about the samples of one modality in one split, in one pass over them, block by block."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK = 1 << 26
"""Bytes that are held at once."""
NUMBERS, LETTERS = 16, 32
"""A sample of fewer numbers, or a text of fewer letters, may well be like another one, or have one value throughout."""
GRID = 12
"""Thumbnails have at most so many cells a side."""

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """What one pass over N samples (N, ...) tells."""

    shape: tuple[int, ...]
    low: float
    high: float
    mean: float
    sd: float
    not_finite: int
    """Samples with a value that is infinite or not a number."""
    constant: tuple[int, ...]
    """Rows all of whose values are equal, where they hold enough of them."""
    hashes: tuple[str, ...]
    thumbnails: npt.NDArray[np.float32]
    """(N, K): each sample in few numbers."""

    text: bool = False
    """Whether samples are the characters of texts."""

    @property
    def telling(self) -> npt.NDArray[np.bool_]:
        """Whether each sample (N,) holds so much that another one like it is no accident."""
        if self.text:
            return np.asarray(self.thumbnails[:, 1:].sum(1) >= LETTERS)
        return np.full(len(self.hashes), prod(self.shape) >= NUMBERS)

    @property
    def duplicates(self) -> int:
        """Samples that are equal to an earlier one, of those that hold enough to say so."""
        telling = [h for h, much in zip(self.hashes, self.telling, strict=True) if much]
        return len(telling) - len(set(telling))


def look(samples: Any) -> Facts:
    """Read all samples of a modality once."""
    total, squares, low, high, not_finite = 0.0, 0.0, np.inf, -np.inf, 0
    constant, hashes, small = list[int](), list[str](), list[Array]()
    for start, block in blocks(samples):
        flat = block.reshape(len(block), -1)
        finite = np.isfinite(flat)
        not_finite += int((~finite.all(1)).sum())
        values = np.where(finite, flat, 0).astype(np.float64)
        total, squares = total + values.sum(), squares + np.square(values).sum()
        low, high = min(low, values.min()), max(high, values.max())
        if flat.shape[1] >= NUMBERS:
            constant += (start + np.flatnonzero((flat == flat[:, :1]).all(1))).tolist()
        hashes += [hashlib.sha256(np.ascontiguousarray(row).tobytes()).hexdigest() for row in flat]
        small.append(thumbnails(block))
    n = len(samples) * prod(samples.shape[1:])
    sd = float(np.sqrt(max(0.0, squares / n - (total / n) ** 2)))
    return Facts(
        tuple(samples.shape[1:]), float(low), float(high), total / n, sd, not_finite, tuple(constant), tuple(hashes),
        np.concatenate(small), not np.issubdtype(samples.dtype, np.floating),
    )  # fmt: skip


def blocks(samples: Any) -> Iterator[tuple[int, Array]]:
    """Yield the number of the first row, and rows, until all were there."""
    rows = max(1, BLOCK // max(1, 8 * prod(samples.shape[1:])))
    for start in range(0, len(samples), rows):
        yield start, np.asarray(samples[start : start + rows])


def thumbnails(block: Array) -> npt.NDArray[np.float32]:
    """Return samples (n, ...) as (n, K): pictures as means over a grid, frames averaged; text as counts of its characters."""
    if not np.issubdtype(block.dtype, np.floating):
        return np.stack([np.bincount(row.ravel() % 128, minlength=128) for row in block]).astype(np.float32)
    if block.ndim == 5:
        block = block.mean(1)
    while block.ndim > 2 and block.ndim < 4:
        block = block[:, None]
    if block.ndim == 4:
        for axis in (2, 3):
            edges = np.unique(np.linspace(0, block.shape[axis], GRID + 1)[:-1].astype(int))
            widths = np.diff([*edges, block.shape[axis]])
            block = np.add.reduceat(block, edges, axis) / widths.reshape([-1 if a == axis else 1 for a in range(4)])
    return np.nan_to_num(block.reshape(len(block), -1)).astype(np.float32)
