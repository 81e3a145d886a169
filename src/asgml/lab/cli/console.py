"""Where tables are printed: standard output, plain in a pipe, and silent about a reader that has left."""

from __future__ import annotations

import sys

from rich.console import Console


class Output(Console):
    """A console that takes `[text]` as it is, and leaves a broken pipe to the command line instead of exiting by itself."""

    def __init__(self) -> None:
        super().__init__(file=sys.stdout, highlight=False, markup=False)

    def on_broken_pipe(self) -> None:
        """Raise what print() would raise."""
        raise BrokenPipeError
