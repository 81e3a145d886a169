"""A cell that trains nothing: the first part of its method's name tells what it does. Run as `fake_cell.py FOLDER EVENTS`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

folder, events = Path(sys.argv[1]), Path(sys.argv[2])
config = json.loads((folder / "config.json").read_text())
behaviour, lr = config["method"].partition("_")[0], config["train"]["lr"]


def tell(word: str) -> None:
    with events.open("a") as file:
        file.write(f"{word} {folder.parent.name}/{folder.name}\n")


def result(**content: object) -> None:
    (folder / ".result.new").write_text(json.dumps(content))  # whole or not at all, as a real cell does
    (folder / ".result.new").replace(folder / "result.json")


def hang() -> None:
    """Wait to be ended; a parent that dies closes our standard input."""
    sys.stdin.read()
    tell("orphaned")


assert not (folder / "result.json").exists(), "the record of a failure must be gone before a cell starts again"
tell("began")
match behaviour:
    case "good" | "baseline":
        result(status="finished", best_epoch=1)
    case "slow":
        time.sleep(0.25)
        tell("ended")
        result(status="finished", best_epoch=1)
    case "once":  # fails at first, and goes well when run again
        if events.read_text().count(f" {folder.parent.name}/") == 1:
            raise ValueError("not yet")
        result(status="finished", best_epoch=1)
    case "crash":
        print("a first line")
        raise ValueError("the data\nran out")
    case "silent":
        os._exit(3)
    case "nothing":
        print("said goodbye")
    case "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    case "own":
        result(status="failed", reason="the loss is not finite")
        sys.exit(1)
    case "environment":
        print(json.dumps({name: value for name, value in os.environ.items() if name.endswith(("_NUM_THREADS", "_DEVICES"))}))
        result(status="finished", best_epoch=1)
    case "tuned":  # best at 0.1, and gone from 0.3 on
        if lr >= 0.3:
            result(status="failed", reason="the loss is nan", diverged=True)
            sys.exit(1)
        result(status="finished", best_epoch=1, validation_accuracy=1 - abs(lr - 0.1) - config["seed"] / 1e6)
    case "large":  # the larger, the better; crashes at first where it is large
        if lr >= 0.2 and config["seed"] == 7 and events.read_text().count(f" {folder.parent.name}/{folder.name}\n") < 4:
            raise ValueError("not yet")
        result(status="finished", best_epoch=1, validation_accuracy=lr)
    case "hang":
        hang()
    case "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        (folder / "pid").write_text(str(os.getpid()))
        time.sleep(60)
    case "victim":  # waits to be killed at first, and goes well when run again
        if not (folder / "pid").exists():
            (folder / "pid").write_text(str(os.getpid()))
            time.sleep(60)
        (folder / "pid").unlink()
        result(status="finished", best_epoch=1)
    case "parent":
        child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
        (folder / "pid").write_text(str(child.pid))
        hang()
