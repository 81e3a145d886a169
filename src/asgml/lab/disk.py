"""Whether a disk is full, and how that is said: nothing is lost by it, and the same command goes on."""

from __future__ import annotations

import errno
import os

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
CODE = 28
"""The exit code of a cell that could not even write so: ENOSPC's number."""
WAY_OUT = "make room, and the same command goes on from here"


def full(error: BaseException | None) -> str | None:
    """Say in a line that there was no room, where an error, or what it came of, says so; else None."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            where = f", {os.fspath(error.filename)} could not be written" if error.filename else ""
            return f"the disk is full ({os.strerror(error.errno)}{where}); {WAY_OUT}"
        error = error.__cause__ or error.__context__
    return None
