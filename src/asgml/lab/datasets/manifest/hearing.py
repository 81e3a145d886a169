"""How much of its sounds a column gives to a model, and in words, what share of each clip that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

import numpy as np

from asgml.lab.datasets.manifest import kinds, reading
from asgml.lab.datasets.manifest.rows import Table
from asgml.lab.datasets.settings import Manifest

SECONDS = 1.0, 10.0
"""Without `audio_seconds` the longest clip is heard whole, as far as it lies within these."""
MEMORY = 2_000_000_000
"""Bytes that a column's spectra may take without it: more rows than these are of hear less."""
HOP: Mapping[str, tuple[int, int]] = {"mel": (160, 16_000), "ogm": (353, 22_050)}
"""Spectrum -> samples from frame to frame, and samples in a second."""
ROUNDED = 0.01
"""Seconds by which a clip may be longer and still be heard whole."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Seconds of each clip that are heard, and how long the clips of the column are, by line."""

    seconds: float
    lengths: Mapping[int, float] = field(default_factory=dict)
    films: bool = False
    """Whether it is the sound of films."""

    def note(self, column: str) -> str:
        """Say what share of the clips is heard."""
        lengths = np.array(list(self.lengths.values()))
        if not len(lengths):
            return ""
        whose = f"{column}: " + "the sound of films; " * self.films
        longer = int((lengths > self.seconds + ROUNDED).sum())
        if not longer:
            return f"{whose}clips of {lengths.min():.3g} to {lengths.max():.3g} s are heard whole, {self.seconds:.4g} s each"
        shares = 100 * np.minimum(1, self.seconds / lengths)
        seen = f"{np.median(shares):.0f} % of a clip in the median, {shares.min():.2g} % of the longest ({lengths.max():.4g} s)"
        return (
            f"{whose}of each clip the first {self.seconds:.4g} s are heard: {seen}; {longer} of {len(lengths)} are longer; "
            "`dataset.audio_seconds` sets it"
        )


def heard(table: Table, column: str, settings: Manifest) -> Heard:
    """Measure the clips of a column, and settle how much of them is heard."""
    known: dict[str, float | None] = {}
    lengths: dict[int, float] = {}
    for row in table.rows:
        cell = row.cells[column]
        if isinstance(cell, str) and cell not in known:
            known[cell] = _length(cell, settings.path.parent)
        if isinstance(cell, str) and (found := known[cell]):
            lengths[row.line] = found
    films = any(kinds.of(cell) == "video" for cell in known)
    return Heard(settings.audio_seconds or _settled(list(lengths.values()), settings), lengths, films)


def as_heard(settings: Manifest, frames: int) -> Manifest:
    """Return the settings with the seconds that gave a spectrum as many frames, where they leave that to the clips."""
    if settings.audio_seconds is not None:
        return settings
    hop, rate = HOP[settings.spectrum]
    tried = (*SECONDS, (frames - 1) * hop / rate)
    found = next(s for s in tried if _frames(s, settings) == frames or s == tried[-1])
    return settings.model_copy(update={"audio_seconds": found})


def _frames(seconds: float, settings: Manifest) -> int:
    hop, rate = HOP[settings.spectrum]
    return 1 + round(seconds * rate) // hop


def _settled(lengths: list[float], settings: Manifest) -> float:
    """Whole frames between the least and the most seconds, so that the number of frames tells the seconds."""
    hop, rate = HOP[settings.spectrum]
    bands = 257 if settings.spectrum == "ogm" else settings.audio_bands
    room = MEMORY / (4 * bands * max(1, len(lengths)))
    frames = min(ceil(max(lengths, default=0.0) * rate / hop - 1e-6), int(room))
    seconds = frames * hop / rate
    least, most = SECONDS
    return least if seconds <= least else most if _frames(seconds, settings) >= _frames(most, settings) else seconds


def _length(cell: str, folder: Path) -> float | None:
    """Seconds of a sound; None where it cannot be read, which is told when it is read."""
    from asgml.lab.media.sound import length

    try:
        return length(reading.located(cell, folder))
    except Exception:  # whatever is wrong with it
        return None
