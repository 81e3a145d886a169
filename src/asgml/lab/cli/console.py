"""Where tables are printed: standard output, plain in a pipe, and silent about a reader that has left."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from asgml.lab.cli import streams


class Output(Console):
    """A console that takes `[text]` as it is, and leaves a broken pipe to the command line instead of exiting by itself.

    Control characters of a text are written out; the console's own are for its terminal.
    """

    def __init__(self, stream: Any = None) -> None:
        super().__init__(file=streams.raw(stream or sys.stdout), highlight=False, markup=False, emoji=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """Make every text that is shown, be it a cell or a line, one without control characters."""
        return super().render_str(streams.clean(text), **options)

    def on_broken_pipe(self) -> None:
        """Raise what print() would raise."""
        raise BrokenPipeError
