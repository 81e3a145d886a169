"""Frames of a film at chosen moments, by their timestamps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.lab.media import container
from asgml.lab.media.failures import Reason, Unreadable, content
from asgml.lab.media.sampling import Sampling, moments


@dataclass(frozen=True, slots=True)
class Frames:
    """Chosen frames (T, 3, S, S) uint8, the seconds (T,) at which they show, and the seconds that the film lasts."""

    pixels: npt.NDArray[np.uint8]
    times: npt.NDArray[np.float64]
    seconds: float


def read_frames(
    path: Path, count: int, size: int, sampling: Sampling, rng: np.random.Generator, *, least: float = 0.0
) -> Frames:
    """Decode `count` frames of a film and resize them to `size` x `size` pixels, bilinear, whatever their shape was.

    Frames are chosen by timestamp (see `moments`). Raises Unreadable; also where the film lasts less than `least` seconds.
    """
    data = content(path)
    stamps, seconds = _stamps(data)
    if seconds < least:
        raise Unreadable(Reason.TOO_SHORT, f"the video lasts {seconds:.2f} s, {least:g} s are wanted")
    times = np.array([t for t, _ in stamps])
    chosen = moments(sampling, count, times, rng)
    wanted = {stamps[i][1] for i in chosen}
    pictures = _decode(data, wanted, size)
    pixels = np.stack([pictures[stamps[i][1]] for i in chosen])
    return Frames(pixels, times[chosen] - times[0], seconds)


def _stamps(data: bytes) -> tuple[list[tuple[float, int]], float]:
    """Return (seconds, timestamp) of every frame, in the order in which they show, and how long they last in all."""
    with container.opened(data, "video") as (file, stream):
        found = sorted({p.pts for p in file.demux(stream) if p.pts is not None and p.size})
        base, said = stream.time_base, container.promised(file, stream)
    if not found:
        raise Unreadable(Reason.DAMAGED, "the video has no frame with a timestamp")
    stamps = [(float(pts * base), pts) for pts in found]
    first, last = stamps[0][0], stamps[-1][0]
    seconds = (last - first) * len(stamps) / max(1, len(stamps) - 1)  # the last frame shows as long as the others
    container.refuse_cut(said, last + (seconds - (last - first)), "video")
    return stamps, seconds


def _decode(data: bytes, wanted: set[int], size: int) -> dict[int, npt.NDArray[np.uint8]]:
    found: dict[int, npt.NDArray[np.uint8]] = {}
    with container.opened(data, "video") as (file, stream):
        for frame in file.decode(stream):
            if frame.is_corrupt:
                raise Unreadable(Reason.DAMAGED, f"the frame at {frame.time or 0:.2f} s is corrupt")
            if frame.pts in wanted:
                found[frame.pts] = _resized(frame, size)
            if len(found) == len(wanted):
                return found
    raise Unreadable(Reason.DAMAGED, f"{len(wanted) - len(found)} of {len(wanted)} wanted frames could not be decoded")


def _resized(frame: Any, size: int) -> npt.NDArray[np.uint8]:
    from PIL import Image

    image = Image.fromarray(frame.to_ndarray(format="rgb24")).resize((size, size), Image.Resampling.BILINEAR)
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))
