"""A process that has imported everything that a cell needs, and forks one when asked: `python -m asgml.lab.nursery FD`."""

from __future__ import annotations

import gc
import json
import os
import select
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

PAUSE = 0.02
"""Seconds between two looks at the children."""


def serve(run: Callable[[Path], None], lifeline: int) -> None:
    """Fork a child for each request, a line of JSON on standard input, until that closes.

    A request is `{"folder": ..., "log": ..., "more": {...}}`: the child takes the variables of `more` into its environment,
    calls `run(folder)`, appends what it says to the log, leads a session of its own, and has the reading end of the
    `lifeline`, a pipe on which nothing comes, as its standard input.
    Answers are lines on standard output: `["ready"]`, then `["born", pid]` for each request, and `["ended", pid, code]`,
    with the code as `subprocess` gives it: negative for a signal.
    """
    gc.collect()
    gc.freeze()  # what is shared stays shared: no collection in a child touches it
    _tell("ready")
    asked = b""
    while True:
        if select.select([0], [], [], PAUSE)[0]:
            if not (more := os.read(0, 65536)):
                return
            *lines, asked = (asked + more).split(b"\n")
            for line in lines:
                _tell("born", _fork(run, lifeline, **json.loads(line)))
        _bury()


def _fork(run: Callable[[Path], None], lifeline: int, folder: str, log: str, more: Mapping[str, str]) -> int:
    if pid := os.fork():
        return pid
    try:
        os.setsid()
        output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        for source, target in ((lifeline, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        os.environ.update(more)
        run(Path(folder))
        code = 0
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _bury() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        _tell("ended", pid, os.waitstatus_to_exitcode(status))


def _tell(*words: Any) -> None:
    os.write(1, json.dumps(words).encode() + b"\n")


def main() -> None:
    """Import what a cell needs, up to an optimizer (whose first use imports the compiler), and serve."""
    import torch

    from asgml.lab import trial
    from asgml.lab.training import cell  # noqa: F401

    torch.optim.SGD([torch.zeros(1, requires_grad=True)]).zero_grad()
    serve(trial.train_here, int(sys.argv[1]))


if __name__ == "__main__":
    main()
