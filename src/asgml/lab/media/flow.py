"""Optical flow that was written as pictures: `flow_x_00001.jpg` and `flow_y_00001.jpg`, in a folder per clip, or in two."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asgml.lab.media.failures import Reason, Unreadable
from asgml.lab.media.image import read_image

FRAME = re.compile(r"[A-Za-z_]*(?P<number>\d+)\.jpe?g")
"""A picture of one axis, where each has a folder."""
NAME = re.compile(r"flow_(?P<axis>[xy])_(?P<number>\d+)\.jpe?g")


def _together(folder: Path) -> dict[str, dict[int, Path]]:
    """Axis -> number -> picture, of one folder."""
    found: dict[str, dict[int, Path]] = {"x": {}, "y": {}}
    for path in folder.iterdir() if folder.is_dir() else ():
        if match := NAME.fullmatch(path.name):
            found[match["axis"]][int(match["number"])] = path
    return found


def _apart(folder: Path) -> dict[str, dict[int, Path]]:
    """The same, of `u/clip` and `v/clip`."""
    found: dict[str, dict[int, Path]] = {"x": {}, "y": {}}
    for axis, part in (("x", folder), ("y", folder.parent.with_name("v") / folder.name)):
        for path in part.iterdir() if part.is_dir() else ():
            if match := FRAME.fullmatch(path.name):
                found[axis][int(match["number"])] = path
    return found


def read_flow(folder: Path, pairs: int, size: int) -> npt.NDArray[np.uint8]:
    """Return `pairs` neighbouring flows from the middle of a clip, (2 `pairs`, S, S) uint8: x, y, x, y, ...; 128 is no motion.

    Raises Unreadable; also where the clip has fewer pairs, or one axis of a pair is missing.
    """
    found = _apart(folder) if folder.parent.name == "u" else _together(folder)
    if not any(found.values()):
        raise Unreadable(Reason.MISSING, "there is no folder of this name with flow_x_*.jpg and flow_y_*.jpg, nor in u and v")
    if odd := sorted(found["x"].keys() ^ found["y"].keys()):
        raise Unreadable(Reason.DAMAGED, f"the flow at frame {odd[0]} has one axis of two")
    numbers = sorted(found["x"])
    if len(numbers) < pairs:
        raise Unreadable(Reason.TOO_SHORT, f"there are {len(numbers)} pairs of flow, {pairs} are wanted")
    start = (len(numbers) - pairs) // 2
    chosen = [found[axis][n] for n in numbers[start : start + pairs] for axis in "xy"]
    return np.stack([read_image(path, size)[0] for path in chosen])
