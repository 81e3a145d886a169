"""Which part of each clip a model sees, from what a store remembers of its clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

LITTLE = 0.4
"""Where the last moment that is seen lies before this share of the clip, its end is not seen."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Of one modality, medians over all clips: the length in words, what is seen in words, how far into the clip (0-1)."""

    modality: str
    length: str
    words: str
    reach: float


def parts(clips: Sequence[dict[str, Any]]) -> list[Seen]:
    """Say for every modality which part of a clip is seen."""
    found = []
    for modality in clips[0]["seen"] if clips else ():
        seen = [clip["seen"][modality] for clip in clips]
        seconds = np.array([s["seconds"] for s in seen])
        length = f"{np.median(seconds):.2f} s ({seconds.min():.2f} to {seconds.max():.2f})"
        last = np.array([s["times"][-1] if "times" in s else s["until"] for s in seen])
        found.append(Seen(modality, length, _words(seen, seconds), float(np.median(last / np.maximum(seconds, 1e-9)))))
    return found


def _words(seen: Sequence[dict[str, Any]], seconds: Any) -> str:
    if "times" not in seen[0]:
        return f"from its beginning to {np.median([s['until'] for s in seen]):.2f} s"
    places = np.array([s["times"] for s in seen]) / np.maximum(seconds, 1e-9)[:, None]
    return f"frames at {', '.join(f'{100 * p:.0f} %' for p in np.median(places, axis=0))} of the clip"
