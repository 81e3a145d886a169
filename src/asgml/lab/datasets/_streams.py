"""Random numbers by purpose: to change one part of a data set is not to redraw the others."""

from __future__ import annotations

import numpy as np


def stream(seed: int, *purpose: str) -> np.random.Generator:
    """Return the generator of (seed, purpose), independent of that of every other purpose and of the order of calls.

    The purpose becomes the spawn key of a `numpy.random.SeedSequence`; each (split, part) has one of its own.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple("/".join(purpose).encode())))
