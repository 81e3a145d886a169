"""Reads files that somebody else made: a pipe, a device or a folder in the place of a file is refused, never waited for."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}
"""What may stand in the place of a file."""


def kind(mode: int) -> str | None:
    """Say what a file's mode shows it to be; None for a regular file."""
    return None if stat.S_ISREG(mode) else KINDS.get(stat.S_IFMT(mode), "no regular file")


def refuse_other(path: Path) -> None:
    """Raise OSError where `path` is there and is no regular file."""
    try:
        found = kind(path.stat().st_mode)
    except FileNotFoundError:
        return
    if found is not None:
        raise _not_a_file(path, found)


def _not_a_file(path: Path, found: str) -> OSError:
    if found == KINDS[stat.S_IFDIR]:
        return OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))  # what the system itself says
    return OSError(errno.EINVAL, f"must be a file, found {found}", str(path))


def open_regular(path: Path) -> BufferedReader:
    """Open a file to read its bytes.

    Raises:
        OSError: there is none, it cannot be read, or it is a folder, a pipe or a device.
    """
    number = os.open(
        path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    )
    try:
        if (found := kind(os.fstat(number).st_mode)) is not None:
            raise _not_a_file(path, found)
        return os.fdopen(number, "rb")
    except BaseException:
        os.close(number)
        raise


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """Return a file's content, of one that is longer than `most` bytes the first `most` + 1. Raises as `open_regular`."""
    with open_regular(path) as file:
        return file.read() if most is None else file.read(most + 1)


def read_text(path: Path, most: int | None = None) -> str:
    """Return a text file's content, as `read_bytes` does; raises UnicodeDecodeError where it is not UTF-8."""
    content = read_bytes(path, most)
    cut = most is not None and len(content) > most
    return content.decode("utf-8", "ignore" if cut else "strict").replace("\r\n", "\n").replace("\r", "\n")
