"""Which moments of a film are looked at."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Sampling = Literal["even", "segment", "first"]
Times = npt.NDArray[np.float64]


def moments(sampling: Sampling, count: int, times: Times, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return `count` frame numbers, in order, of a film whose frames show at `times` (T,), in seconds, ascending.

    even: the frames nearest to the middles of `count` equal parts of the clip; segment: in each of these parts a moment drawn
    by `rng`; first: frames 0 to `count` - 1, as published code of this line does. Where a clip has fewer frames than `count`,
    some are taken twice, and `first` repeats the last.
    """
    if sampling == "first":
        return np.minimum(np.arange(count, dtype=np.int64), len(times) - 1)
    within = rng.random(count) if sampling == "segment" else np.full(count, 0.5)
    start, end = times[0], times[-1] + _period(times)
    wanted = start + (np.arange(count) + within) / count * (end - start)
    shown = np.searchsorted(times, wanted, side="right") - 1  # a frame stays until the next one
    return np.asarray(np.clip(shown, 0, len(times) - 1), dtype=np.int64)


def _period(times: Times) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0
