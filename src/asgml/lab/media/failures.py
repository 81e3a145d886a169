"""Why a media file gives no sample: a few typed reasons, so that a list of problems can be counted."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path


class Reason(StrEnum):
    """What is wrong with a media file."""

    MISSING = "missing"
    EMPTY = "empty"
    DAMAGED = "damaged"
    NO_STREAM = "no such stream"
    TOO_SHORT = "too short"
    SILENT = "silent"
    UNKNOWN = "unknown name"
    GAVE_UP = "decoder gave up"
    """It took too long, or brought its process down."""


class Unreadable(Exception):
    """A media file that gives no sample, with its reason and what was found in detail."""

    def __init__(self, reason: Reason, detail: str):
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


def content(path: Path) -> bytes:
    """Return the bytes of a file that is there and not empty; Unreadable otherwise."""
    try:
        found = path.read_bytes()
    except FileNotFoundError as error:
        raise Unreadable(Reason.MISSING, "there is no such file") from error
    except OSError as error:
        raise Unreadable(Reason.DAMAGED, f"it cannot be read: {error.strerror}") from error
    if not found:
        raise Unreadable(Reason.EMPTY, "0 bytes")
    return found
