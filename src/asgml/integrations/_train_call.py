"""The running call of Hugging Face's `Trainer.train`, which tells its callbacks that it begins, but not that it failed."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from types import CodeType, FrameType


class TrainCall:
    """The `train` on whose stack this is made. Where the stack holds none, it always runs.

    Args:
        ended: what to call when `train` was left, by an exception too, once nobody holds its traceback.
    """

    def __init__(self, ended: Callable[[], None]):
        frame = _training(sys._getframe(1))
        self._code: CodeType | None = None if frame is None else frame.f_code
        if frame is not None:
            # a function that `train` makes anew in each call: it goes with the call
            weakref.finalize(frame.f_locals[LOOP], ended).atexit = False

    def runs(self) -> bool:
        """Tell whether whoever asks was called by it."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code is not self._code:
            frame = frame.f_back
        return self._code is None or frame is not None


LOOP = "inner_training_loop"


def _training(frame: FrameType | None) -> FrameType | None:
    """Return the frame of `train` among those that called."""
    while frame is not None and not (frame.f_code.co_name == "train" and LOOP in frame.f_locals):
        frame = frame.f_back
    return frame
