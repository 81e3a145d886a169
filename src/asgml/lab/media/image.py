"""A picture file as pixels, upright, whatever its depth."""

from __future__ import annotations

import io
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.lab.media import deep
from asgml.lab.media.failures import Reason, Unreadable, content
from asgml.lab.media.stand_ins import beginning

KINDS = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""What is read, by Pillow's names: kinds of picture that start no other program and open no other file."""
JPEG, SCAN, MOST_SCANS = b"\xff\xd8", b"\xff\xda", 300
"""How such a file and every scan over its pixels begin; ten scans are many, and thousands would take hours."""
PIXELS = 64_000_000
"""Of a picture, or of a frame of a film: a larger one would take gigabytes of memory."""

STRIPE = 2**20
"""Pixels of a picture that are put on black at once."""


def read_image(path: Path, size: int) -> npt.NDArray[np.uint8]:
    """Return a picture (3, S, S) uint8, bilinear, whatever its shape was; what is see-through becomes black.

    It stands upright as its EXIF says; of several pictures in a file the first is taken. A grey of 12 or 16 bits is scaled
    from the whole range of these bits; one of 32 bits or of numbers with a fraction, which has no such range, from its own
    least to its own greatest value (from 0 to 1, where it lies within these). Raises Unreadable.
    """
    picture = _upright(path)
    if isinstance(picture, deep.Grey):
        return np.repeat(deep.stretched(picture, size)[None], 3, 0)
    return _resized(picture, size)


def read_levels(path: Path, size: int) -> npt.NDArray[np.float32]:
    """Return a picture (3, S, S) float32, read as `read_image` does, with all its levels kept.

    8, 12 and 16 bits give 0 to 1. Greys of 32 bits or with a fraction keep their numbers, so that pictures can be compared.
    Raises Unreadable.
    """
    picture = _upright(path)
    if isinstance(picture, deep.Grey):
        levels = deep.resized(picture.values, size) / np.float32(picture.full or 1)
        return np.repeat(levels[None], 3, 0)
    return np.asarray(_resized(picture, size).astype(np.float32) / 255)


def refuse_large(width: int, height: int) -> None:
    """Raise Unreadable where a picture has more pixels than are read."""
    if width * height > PIXELS:
        raise Unreadable(Reason.TOO_LARGE, f"it has {width} x {height} pixels, at most {PIXELS / 1e6:.0f} million are read; "
                         "make it smaller")  # fmt: skip


def _upright(path: Path) -> Any:
    """Return a picture of three colours, or a deep grey."""
    data = content(path)
    if data[:2] == JPEG and data.count(SCAN) > MOST_SCANS:
        raise Unreadable(Reason.DAMAGED, f"the picture is drawn over {data.count(SCAN)} times, as no camera does")
    try:
        with warnings.catch_warnings():  # Pillow's own, of large pictures: there is a limit here
            warnings.simplefilter("ignore")
            return _decoded(data)
    except Unreadable:
        raise
    except Exception as error:  # a damaged picture fails in many ways
        raise Unreadable(Reason.DAMAGED, f"the picture cannot be decoded: {_words(error)}{beginning(data)}") from error


def _decoded(data: bytes) -> Any:
    from PIL import Image

    try:
        file = Image.open(io.BytesIO(data), formats=KINDS)
    except Image.DecompressionBombError as error:
        raise Unreadable(Reason.TOO_LARGE, f"it has more than {PIXELS / 1e6:.0f} million pixels; make it smaller") from error
    with file:
        refuse_large(*file.size)
        if file.mode in deep.MODES:
            return deep.grey(file, _turned)
        return _opaque(_turned(file))


def _turned(file: Any) -> Any:
    """Turn a picture as its EXIF says; one that says it in a damaged way stays as it is."""
    from PIL import ImageOps

    file.load()
    with suppress(Exception):  # what cannot be read of an EXIF fails in many ways
        ImageOps.exif_transpose(file, in_place=True)
    return file


def _opaque(picture: Any) -> Any:
    """Return a picture in red, green and blue, on black: stripe by stripe, since whole ones would be in memory five times."""
    from PIL import Image

    if not picture.has_transparency_data:
        return picture.convert("RGB")
    made, rows = Image.new("RGB", picture.size), max(1, STRIPE // picture.width)
    for top in range(0, picture.height, rows):
        stripe = picture.crop((0, top, picture.width, min(top + rows, picture.height))).convert("RGBA")
        black = Image.new("RGBA", stripe.size, (0, 0, 0, 255))
        made.paste(Image.alpha_composite(black, stripe).convert("RGB"), (0, top))
    return made


def _resized(picture: Any, size: int) -> npt.NDArray[np.uint8]:
    small = picture.resize((size, size), 2)  # bilinear
    return np.ascontiguousarray(np.asarray(small).transpose(2, 0, 1))


def _words(error: Exception) -> str:
    """What an error says, without the address in memory that Pillow names."""
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return f"it is no whole picture of a kind that is read ({', '.join(KINDS)})"
    return str(error) or type(error).__name__
