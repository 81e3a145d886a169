"""Why a media file gives no sample: a few typed reasons, so that a list of problems can be counted."""

from __future__ import annotations

import stat
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Protocol

from asgml.lab.media.stand_ins import ENOUGH, stand_in

LARGEST = 2**29
"""Bytes of a picture's or an array's file, which is read as a whole."""


class Readable(Protocol):
    """What a decoder needs of a file."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place, and return it."""

    def tell(self) -> int:
        """Return the place."""

    def read(self, count: int = -1, /) -> bytes:
        """Return the bytes from the place on."""


class Patient:
    """A file that says by a number that there is no such place: where a decoder calls, an exception would be printed."""

    def __init__(self, file: Readable):
        self._file, self.read, self.tell = file, file.read, file.tell

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place, and return it; -1 where there is none."""
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError):
            return -1


class Reason(StrEnum):
    """What is wrong with a media file."""

    MISSING = "missing"
    EMPTY = "empty"
    STAND_IN = "not the file itself"
    """A pointer of Git LFS, a web page, the error of a server: something that lies in its place."""
    DAMAGED = "damaged"
    NO_STREAM = "no such stream"
    TOO_SHORT = "too short"
    TOO_LARGE = "too large"
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
    """Return the bytes of a file that is there, not empty and not too large; Unreadable otherwise."""
    with handle(path) as file:
        size = file.seek(0, 2)
        if size > LARGEST:
            raise Unreadable(
                Reason.TOO_LARGE, f"the file has {size / 1e6:.0f} MB, {LARGEST / 1e6:.0f} are read; make it smaller"
            )
        file.seek(0)
        return file.read()


def handle(path: Path) -> BinaryIO:
    """Open a file that is there, not empty, and begins as media do, for reading; Unreadable otherwise."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            raise Unreadable(Reason.DAMAGED, "it is no file but a folder, a pipe or a device")
        file = path.open("rb")
    except FileNotFoundError as error:
        raise Unreadable(Reason.MISSING, _missing(path)) from error
    except (OSError, ValueError) as error:
        raise Unreadable(Reason.DAMAGED, f"it cannot be read: {getattr(error, 'strerror', error)}") from error
    try:
        _refuse_others(file)
    except BaseException:
        file.close()
        raise
    return file


def _refuse_others(file: BinaryIO) -> None:
    """Raise Unreadable where a file is empty, or something else lies in its place."""
    try:
        head = file.read(ENOUGH)
        file.seek(0)
    except OSError as error:
        raise Unreadable(Reason.DAMAGED, f"it cannot be read: {error.strerror}") from error
    if not head:
        raise Unreadable(Reason.EMPTY, "0 bytes: the download or the copy was not finished; get the file again")
    if found := stand_in(head):
        raise Unreadable(Reason.STAND_IN, f"{found.name}; {found.way_out}")


def told(head: bytes) -> str:
    """Return words, to be put behind an error, for a file whose beginning shows that something lies in its place; or ""."""
    found = stand_in(head)
    return f" ({found.name}; {found.way_out})" if found else ""


def _missing(path: Path) -> str:
    """Say what a broken link is: git-annex keeps files behind links."""
    if not path.is_symlink():
        return "there is no such file"
    annex = "; run `git annex get` in the repository that it came from" * ("annex/objects" in str(path.readlink()))
    return f"there is no such file: it is a link to {path.readlink()}, which is not there{annex}"
