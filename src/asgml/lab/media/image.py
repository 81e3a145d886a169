"""A picture file as pixels."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asgml.lab.media.failures import Reason, Unreadable, content


def read_image(path: Path, size: int) -> npt.NDArray[np.uint8]:
    """Return a picture (3, S, S) uint8, bilinear, whatever its shape was; what is see-through becomes black.

    Raises Unreadable.
    """
    from PIL import Image

    data = content(path)
    try:
        with Image.open(io.BytesIO(data)) as file:
            pixels = file.convert("RGBA")
    except Exception as error:  # a damaged picture fails in many ways
        raise Unreadable(Reason.DAMAGED, f"the picture cannot be decoded: {error or type(error).__name__}") from error
    flat = Image.alpha_composite(Image.new("RGBA", pixels.size, (0, 0, 0, 255)), pixels).convert("RGB")
    small = flat.resize((size, size), Image.Resampling.BILINEAR)
    return np.ascontiguousarray(np.asarray(small).transpose(2, 0, 1))
