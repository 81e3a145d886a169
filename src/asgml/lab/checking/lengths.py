"""Clips that are too short to hold anything, or so long that hardly any of them is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

SHORT, LONG = 0.2, 300.0
"""Seconds below and above which a clip stands out in any data set."""
TIMES = 10.0
"""So many times the median, or as small a part of it, a clip stands out too, unless that is within `ORDINARY`."""
ORDINARY = 0.5, 60.0


def words(seconds: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Say which clips stand out; `seconds` is modality -> id -> how long the clip lasts."""
    for modality, of in seconds.items():
        if not of:
            continue
        median = float(np.median(list(of.values())))
        least, most = max(SHORT, min(median / TIMES, ORDINARY[0])), min(LONG, max(median * TIMES, ORDINARY[1]))
        short = {name: length for name, length in of.items() if length < least}
        long = {name: length for name, length in of.items() if length > most}
        if short:
            name = min(short, key=lambda found: short[found])
            yield (f"{modality}: {len(short)} of {len(of)} clips last less than {least:.3g} s, such as {name} "
                   f"({short[name]:.2g} s): look whether they were cut off.")  # fmt: skip
        if long:
            name = max(long, key=lambda found: long[found])
            example = f"{name} ({long[name]:.4g} s; the median is {median:.3g} s)"
            yield (f"{modality}: {len(long)} of {len(of)} clips last more than {most:.4g} s, such as {example}: cut them, "
                   "since little of them is seen.")  # fmt: skip


def of_store(clips: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return modality -> id -> seconds, as a store remembers them."""
    found: dict[str, dict[str, float]] = {}
    for clip in clips:
        for modality, seen in clip.get("seen", {}).items():
            if "seconds" in seen and "id" in clip:
                found.setdefault(modality, {})[str(clip["id"])] = float(seen["seconds"])
    return found
