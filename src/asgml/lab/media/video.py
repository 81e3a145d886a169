"""Frames of a film at chosen moments, by their timestamps."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.lab.media import container
from asgml.lab.media.failures import Readable, Reason, Unreadable, handle
from asgml.lab.media.image import refuse_large
from asgml.lab.media.sampling import Sampling, moments

Pixels = npt.NDArray[np.uint8]
LONG = 600.0
"""Seconds: where the last frame that is wanted stands later, what lies between frames is not decoded."""
BEFORE = 5.0
"""Seconds before such a frame from which on is decoded: the first frames after a jump may lack what they refer to."""


@dataclass(frozen=True, slots=True)
class Frames:
    """Chosen frames (T, 3, S, S) uint8, the seconds (T,) at which they show, and the seconds that the film lasts."""

    pixels: Pixels
    times: npt.NDArray[np.float64]
    seconds: float


def read_frames(
    path: Path, count: int, size: int, sampling: Sampling, rng: np.random.Generator, *, least: float = 0.0
) -> Frames:
    """Decode `count` frames of a film and resize them to `size` x `size` pixels, bilinear, whatever their shape was.

    Frames are chosen by timestamp (see `moments`) and turned upright as the film says. Raises Unreadable; also where the film
    lasts less than `least` seconds.
    """
    with handle(path) as file:
        stamps, seconds = _stamps(file)
        if seconds < least:
            raise Unreadable(Reason.TOO_SHORT, f"the video lasts {seconds:.2f} s, {least:g} s are wanted")
        times = np.array([t for t, _ in stamps])
        chosen = moments(sampling, count, times, rng)
        pictures = _decode(file, {stamps[i][1] for i in chosen}, size)
    pixels = np.stack([pictures[stamps[i][1]] for i in chosen])
    return Frames(pixels, times[chosen] - times[0], seconds)


def length(path: Path) -> float:
    """Return how many seconds the picture of a film lasts, as its headers say, without decoding it. Raises Unreadable."""
    with handle(path) as file, container.opened(file, "video") as film:
        return film.promised or max((film.end for _ in film.packets()), default=0.0)


def _stamps(file: Readable) -> tuple[list[tuple[float, int]], float]:
    """Return (seconds, timestamp) of every frame, in the order in which they show, and how long they last in all."""
    with container.opened(file, "video") as film:
        refuse_large(film.stream.codec_context.width, film.stream.codec_context.height)
        found = sorted({p.pts for p in film.packets() if p.pts is not None and p.size})
        if not found:
            raise Unreadable(Reason.DAMAGED, "the video has no frame with a timestamp")
        stamps = [(float(pts * film.stream.time_base), pts) for pts in found]
        first, last = stamps[0][0], stamps[-1][0]
        seconds = (last - first) * len(stamps) / max(1, len(stamps) - 1)  # the last frame shows as long as the others
        film.refuse_cut(last + (seconds - (last - first)))
    return stamps, seconds


def _decode(file: Readable, wanted: set[int], size: int) -> dict[int, Pixels]:
    """Return the frames with these timestamps; of a long film only what stands a little before each of them is decoded."""
    with container.opened(file, "video") as film:
        start = film.stream.start_time or 0
        if float((max(wanted) - start) * film.stream.time_base) > LONG and (found := _sought(film, wanted, size)):
            return found
    return _decoded(file, wanted, size)


def _sought(film: container.Opened, wanted: set[int], size: int) -> dict[int, Pixels] | None:
    """Jump to each frame; None where one of them is not met so: then all has to be decoded."""
    found: dict[int, Pixels] = {}
    before = round(BEFORE / film.stream.time_base)
    for pts in sorted(wanted):
        film.container.seek(max(film.stream.start_time or 0, pts - before), stream=film.stream)
        frames = (frame for packet in film.packets() for frame in packet.decode())
        met = next((frame for frame in frames if frame.pts is not None and frame.pts >= pts), None)
        if met is None or met.pts != pts or met.is_corrupt:
            return None
        found[pts] = _resized(met, size)
    return found


def _decoded(file: Readable, wanted: set[int], size: int) -> dict[int, Pixels]:
    found: dict[int, Pixels] = {}
    with container.opened(file, "video") as film:
        for packet in film.packets():
            for frame in packet.decode():
                if frame.is_corrupt:
                    raise Unreadable(Reason.DAMAGED, f"the frame at {frame.time or 0:.2f} s is corrupt")
                if frame.pts in wanted:
                    found[frame.pts] = _resized(frame, size)
                if len(found) == len(wanted):
                    return found
    raise Unreadable(Reason.DAMAGED, f"{len(wanted) - len(found)} of {len(wanted)} wanted frames could not be decoded")


def _resized(frame: Any, size: int) -> Pixels:
    from PIL import Image

    refuse_large(frame.width, frame.height)
    image = Image.fromarray(frame.to_ndarray(format="rgb24")).resize((size, size), Image.Resampling.BILINEAR)
    return np.ascontiguousarray(_upright(np.asarray(image), _matrix(frame)).transpose(2, 0, 1))


def _matrix(frame: Any) -> tuple[float, float, float, float]:
    """Where one step to the right, and one down, in the frame as it is coded go on the screen: (x, y) of each."""
    for side in frame.side_data:
        if side.type.name == "DISPLAYMATRIX":
            a, b, _, c, d = struct.unpack_from("=5i", bytes(side))
            return a, b, c, d
    return 1, 0, 0, 1


def _upright(pixels: Pixels, matrix: tuple[float, float, float, float]) -> Pixels:
    """Turn (and mirror) a picture (S, S, 3) by quarters, to the nearest one."""
    a, b, c, d = matrix
    if abs(b) + abs(c) > abs(a) + abs(d):  # what goes to the right when coded goes up or down on the screen
        pixels, a, d = pixels.transpose(1, 0, 2), c, b
    pixels = pixels[:, ::-1] if a < 0 else pixels
    return pixels[::-1] if d < 0 else pixels
