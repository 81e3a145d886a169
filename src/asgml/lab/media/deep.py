"""Grey pictures of more than 8 bits: depth maps, scans, maps of numbers with a fraction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.lab.media.failures import Reason, Unreadable

Values = npt.NDArray[np.float32]
MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
"""Pillow's names of them. Colours of 16 bits are no such: Pillow keeps their upper 8."""
BITS, WHITE_IS_ZERO, FORM = 258, 262, 339
"""Tags of a TIFF: bits of a sample, whether 0 is white, whether a sample has a sign."""


@dataclass(frozen=True, slots=True)
class Grey:
    """The numbers (H, W) of a picture, and the number that is white; None where the kind of file has no such number."""

    values: Values
    full: float | None


def grey(file: Any, turned: Callable[[Any], Any]) -> Grey:
    """Return the numbers of an open picture of one of these modes, once it was `turned` upright."""
    full, tags = _full(file), getattr(file, "tag_v2", {})
    unsigned = file.mode == "I" and 32 in _tag(tags, BITS) and 1 in (_tag(tags, FORM) or (1,))
    hidden = file.info.get("transparency")
    found = np.asarray(turned(file))
    values = (found.view(np.uint32) if unsigned else found).astype(np.float32)
    if not np.isfinite(values).all():
        raise Unreadable(Reason.DAMAGED, "the picture has pixels that are infinite or not a number")
    if full and tags and 0 in _tag(tags, WHITE_IS_ZERO):
        values = np.float32(full) - values
    if isinstance(hidden, int):  # what is see-through becomes black
        values[found == hidden] = 0
    return Grey(values, full)


def stretched(picture: Grey, size: int) -> npt.NDArray[np.uint8]:
    """Return a picture (S, S) with its range from 0 to 255; see `read_image`."""
    low, high = (0.0, picture.full) if picture.full else (float(picture.values.min()), float(picture.values.max()))
    if not picture.full and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    scaled = (resized(picture.values, size).astype(np.float64) - low) * (255 / max(high - low, 1e-30))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


def resized(values: Values, size: int) -> Values:
    """Return numbers (H, W) as (S, S), bilinear."""
    from PIL import Image

    small = Image.fromarray(np.ascontiguousarray(values)).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(small, dtype=np.float32)


def _full(file: Any) -> float | None:
    """The number that is white: of 16 bits, or as many as a TIFF says; Pillow gives those of a PGM as 32, scaled to 16."""
    if file.mode.startswith("I;16"):
        return float(2 ** (_tag(getattr(file, "tag_v2", {}), BITS) or (16,))[0] - 1)
    return 65535.0 if file.mode == "I" and file.format in ("PPM", "PNG") else None


def _tag(tags: Any, number: int) -> tuple[int, ...]:
    found = tags.get(number, ())
    return found if isinstance(found, tuple) else (found,)
