"""What holds for every command: whatever goes wrong outside of it takes a line on standard error, and a code that is not 0."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable, Sequence

from cyclopts import CycloptsError

from asgml.lab.errors import InputError, short

FAILED, BAD_INPUT, INTERRUPTED, NO_READER = 1, 2, 130, 141
PLACES = {errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EPERM,
          errno.EROFS, errno.EINVAL, errno.ENXIO, errno.ENODEV}  # fmt: skip
"""Errors of the system that mean: another path must be given."""
LINES, WIDTH = 10, 400
"""Of a complaint: more is no longer read."""
CLOSED = "standard output is closed, so nobody could read the answer; send it to a file or to /dev/null"


def guarded(command: Callable[[], int], tokens: Sequence[str]) -> int:
    """Run a command and return its exit code, or that of what went wrong, once it is said."""
    try:
        if not _standard_streams_are_open() and "--quiet" not in tokens:
            raise OSError(errno.EBADF, CLOSED)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")
        _refuse(tokens)
        code = command()
        if sys.stdout is not None:
            sys.stdout.flush()  # here, since an error at the interpreter's end is told in three lines
        return code
    except (InputError, CycloptsError) as error:
        complain(str(error))
        return BAD_INPUT
    except KeyboardInterrupt:
        print("asgml: interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _let_go_of_output()
        return NO_READER
    except UnicodeEncodeError as error:
        odd = short(error.object[error.start : error.end])
        complain(f"{odd} stands in a path and is no UTF-8; give the file or folder another name")
        return BAD_INPUT
    except MemoryError:
        complain("out of memory; close other programs, or take less data")
        return FAILED
    except OSError as error:
        _let_go_of_output()
        complain(_words(error))
        return BAD_INPUT if error.errno in PLACES else FAILED


def _standard_streams_are_open() -> bool:
    """Whether standard output is; what is closed becomes /dev/null, lest a file that is opened takes its number."""
    closed = set()
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            closed.add(number)
            os.open(os.devnull, os.O_RDWR)
    return 1 not in closed


def _refuse(tokens: Sequence[str]) -> None:
    for token in tokens:
        if "\0" in token:
            raise InputError(f"{short(token)}: no path or name may hold the character NUL")
        if any("\ud800" <= c <= "\udfff" for c in token):
            raise InputError(f"{short(os.fsencode(token))}: must be UTF-8; give the file or folder another name")


def _let_go_of_output() -> None:
    """Send what standard output still holds to nowhere where it cannot be written, lest the interpreter tries once more."""
    if sys.stdout is None:  # it was closed before we started
        return
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)


def _words(error: OSError) -> str:
    """Which file, and what the system says of it."""
    names = [short(os.fspath(n) if isinstance(n, os.PathLike) else n, 150, quoted=False) for n in (error.filename,) if n]
    said = error.strerror or str(error) or type(error).__name__
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        said += "; make room, then the same command goes on"
    return ": ".join([*(names or ["standard output"] * (error.errno == errno.ENOSPC)), said])


def complain(message: str) -> None:
    """Say on standard error what is wrong, one line per problem, as many as a screen takes, without control characters."""
    lines = message.strip().splitlines()
    shown = lines[:LINES] + ([f"and {len(lines) - LINES} lines more"] if len(lines) > LINES else [])
    with contextlib.suppress(OSError, ValueError):
        for line in shown:
            print(f"asgml: error: {short(printable(line), WIDTH - 15, quoted=False)}", file=sys.stderr)


def printable(text: str) -> str:
    """Write out characters that would move a terminal's cursor, or that no terminal has: `\\x1b`."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
