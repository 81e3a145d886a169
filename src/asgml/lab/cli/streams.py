"""What a command prints, without characters that move a terminal's cursor, ring its bell or turn its text round."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from asgml.lab.cli.guard import printable


def clean(text: str) -> str:
    """Write out such characters, as in `\\x1b`, and keep the ends of lines, and tabs."""
    lines = text.split("\n")
    if all(line.isprintable() for line in lines):
        return text
    return "\n".join("\t".join(printable(cell) for cell in line.split("\t")) for line in lines)


class Clean:
    """A stream that cleans what is written to it; all else is as in the one that it stands for, `raw`."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    def write(self, text: str) -> int:
        """Write the text without control characters."""
        self.raw.write(clean(text))
        return len(text)

    def flush(self) -> None:
        """Put what was written where it belongs."""
        self.raw.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


@contextlib.contextmanager
def cleaned() -> Iterator[None]:
    """Clean all that is printed; a console of ours, whose tables move the cursor themselves, cleans each cell instead."""
    with contextlib.redirect_stdout(Clean(sys.stdout)), contextlib.redirect_stderr(Clean(sys.stderr)):
        yield


def raw(stream: Any) -> Any:
    """The stream itself, past `Clean`."""
    return stream.raw if isinstance(stream, Clean) else stream
