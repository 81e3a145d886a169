"""Channels into one: their average, or the loudest where they cancel each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
CANCELS = 0.01
"""Of the power that the average of channels has which know nothing of each other: below this (-20 dB) they cancel."""


@dataclass
class Mix:
    """What was decoded so far, as one channel: the average of all, or the one with a number."""

    rate: int
    channel: int | None = None
    parts: list[Samples] = field(default_factory=list)
    whole: float | None = None
    """Seconds of the file's sound, where not all of it was decoded."""
    stopped: bool = False
    length: int = 0
    power: Any = 0.0
    """Sum of squares of every channel (C,)."""
    left: float = 0.0
    """Sum of squares of their average."""

    def __len__(self) -> int:
        return self.length

    def add(self, block: Samples) -> None:
        """Take samples (n, C)."""
        mixed = block.mean(1, dtype=np.float32) if self.channel is None else block[:, self.channel].copy()
        self.parts.append(mixed)
        self.length += len(mixed)
        if self.channel is None and block.shape[1] > 1:
            self.power = self.power + np.square(block).sum(0, dtype=np.float64)
            self.left += float(np.square(mixed).sum(dtype=np.float64))

    @property
    def samples(self) -> Samples:
        """All of them (n,)."""
        return np.concatenate(self.parts) if self.parts else np.zeros(0, np.float32)

    @property
    def cancels(self) -> bool:
        """Whether next to nothing is left of what the channels hold."""
        channels = np.size(self.power)
        return bool(channels > 1 and self.left * channels**2 < CANCELS * np.sum(self.power))

    @property
    def loudest(self) -> int:
        """The number of the channel with the most power."""
        return int(np.argmax(self.power))
