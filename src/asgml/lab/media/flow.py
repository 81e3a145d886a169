"""Optical flow that was written as pictures: `flow_x_00001.jpg` and `flow_y_00001.jpg`, in a folder per clip."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asgml.lab.media.failures import Reason, Unreadable
from asgml.lab.media.image import read_image

NAME = re.compile(r"flow_(?P<axis>[xy])_(?P<number>\d+)\.jpe?g")


def read_flow(folder: Path, pairs: int, size: int) -> npt.NDArray[np.uint8]:
    """Return `pairs` neighbouring flows from the middle of a clip, (2 `pairs`, S, S) uint8: x, y, x, y, ...; 128 is no motion.

    Raises Unreadable; also where the clip has fewer pairs, or one axis of a pair is missing.
    """
    found: dict[str, dict[int, Path]] = {"x": {}, "y": {}}
    for path in folder.iterdir() if folder.is_dir() else ():
        if match := NAME.fullmatch(path.name):
            found[match["axis"]][int(match["number"])] = path
    if not any(found.values()):
        raise Unreadable(Reason.MISSING, "there is no folder of this name with flow_x_*.jpg and flow_y_*.jpg")
    if odd := sorted(found["x"].keys() ^ found["y"].keys()):
        raise Unreadable(Reason.DAMAGED, f"the flow at frame {odd[0]} has one axis of two")
    numbers = sorted(found["x"])
    if len(numbers) < pairs:
        raise Unreadable(Reason.TOO_SHORT, f"there are {len(numbers)} pairs of flow, {pairs} are wanted")
    start = (len(numbers) - pairs) // 2
    chosen = [found[axis][n] for n in numbers[start : start + pairs] for axis in "xy"]
    return np.stack([read_image(path, size)[0] for path in chosen])
