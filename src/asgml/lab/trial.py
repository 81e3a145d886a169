"""One cell, one process: `python -m asgml.lab.trial CELL_DIR` starts, resumes or finishes it; exit code 1 if it failed."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from asgml.lab import disk, memory, store
from asgml.lab.config import address
from asgml.lab.errors import InputError

PATIENCE = 20  # seconds to wait for a former process of a killed run to let go of the folder


def watch_parent() -> None:
    """End this process as soon as its standard input closes, which is when the parent that holds it is gone."""

    def watch() -> None:
        while os.read(0, 1024):  # not through sys.stdin, whose lock would be held when the interpreter ends
            pass
        os._exit(3)

    threading.Thread(target=watch, daemon=True).start()


def run(cell: Path) -> None:
    """Train the cell, or record why that was not possible."""
    from asgml.lab.training.cell import train
    from asgml.lab.training.loop import Diverged

    try:
        result = train(cell)
    except Diverged as error:
        result = {"status": "failed", "reason": str(error), "diverged": True}
    except InputError as error:
        result = {"status": "failed", "reason": str(error)}
    except Exception as error:
        result = {"status": "failed", "reason": disk.full(error) or _unforeseen(error)}
    if result is not None:
        try:
            _record(cell, result)
        except OSError as error:  # then whoever started this cell says so: the log may lie on the same disk
            with contextlib.suppress(OSError):
                print(disk.full(error) or error, file=sys.stderr)
            sys.exit(disk.CODE if disk.full(error) else 1)
    sys.exit(0 if result is None or result["status"] == "finished" else 1)


def _unforeseen(error: Exception) -> str:
    traceback.print_exc()
    words = f"{type(error).__name__}: {error}"
    return f"out of memory ({words})" if memory.lacked(error) else words


def _record(cell: Path, result: dict[str, Any]) -> None:
    """Write the result. Of several processes that fail the first has the reason: the others fail for want of it."""
    if not (result["status"] == "failed" and (cell / "result.json").exists()):
        store.write_json(cell / "result.json", result | {"config": address.of(store.read_json(cell / "config.json"))})


def hold(cell: Path) -> None:
    """Hold the folder's lock while training; of several processes the first does so for all."""
    if int(os.environ.get("RANK", 0)) and store.read_json(cell / "config.json")["train"].get("processes", 1) > 1:
        return run(cell)
    try:
        with FileLock(cell / ".lock", timeout=PATIENCE):
            (cell / "result.json").unlink(missing_ok=True)
            run(cell)
    except Timeout:
        print(f"{cell} is being trained by another process", file=sys.stderr)
        sys.exit(2)


def train_here(cell: Path) -> None:
    """Train the cell, as a child that was forked for it, and end with the parent."""
    watch_parent()
    hold(cell)


def main() -> None:
    """Read the command line, and train."""
    parser = argparse.ArgumentParser(prog="python -m asgml.lab.trial", description=__doc__)
    parser.add_argument("cell", type=Path, help="a folder that holds config.json")
    parser.add_argument("--die-with-parent", action="store_true", help="end when standard input closes")
    arguments = parser.parse_args()
    if not (arguments.cell / "config.json").exists():
        parser.error(f"{arguments.cell} holds no config.json")
    if arguments.die_with_parent:
        watch_parent()
    hold(arguments.cell)


if __name__ == "__main__":
    main()
