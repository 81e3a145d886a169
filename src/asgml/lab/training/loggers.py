"""Where a cell's numbers go beside `metrics.jsonl`: loggers by name, each told the same tags and values."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from torch.utils.tensorboard import SummaryWriter

from asgml.lab import store
from asgml.lab.config import Cell, address
from asgml.lab.errors import InputError


class Logger(Protocol):
    """A logger is made anew for every attempt, and is told first what earlier attempts logged."""

    def log(self, record: Mapping[str, Any]) -> None:
        """Take the numbers of a step's or an epoch's record."""

    def flush(self) -> None:
        """Put on disk what it was told."""

    def close(self) -> None:
        """End."""


class TensorBoard:
    """Event files in `tensorboard/`."""

    def __init__(self, folder: Path):
        shutil.rmtree(folder / "tensorboard", ignore_errors=True)
        self._events = SummaryWriter(str(folder / "tensorboard"))

    def log(self, record: Mapping[str, Any]) -> None:
        """Write a point per tag, at the step or the epoch."""
        for tag, value in store.tags(record).items():
            self._events.add_scalar(tag, value, record["step" if record["kind"] == "step" else "epoch"])

    def flush(self) -> None:
        """Write the event file."""
        self._events.flush()

    def close(self) -> None:
        """Close the event file."""
        self._events.close()


class WandB:
    """A run of Weights & Biases in `wandb/`: offline, to be sent by `wandb sync`, unless `WANDB_MODE` says otherwise.

    Its project is `WANDB_PROJECT` or asgml, its id the cell's address; curves are drawn over `step` or `epoch`.
    """

    def __init__(self, folder: Path):
        wandb = _wandb()
        self._teardown = wandb.teardown
        shutil.rmtree(folder / "wandb", ignore_errors=True)
        config = store.read_json(folder / "config.json")
        settings = wandb.Settings(console="off", silent=True, disable_git=True, x_disable_stats=True)
        self._run = wandb.init(
            mode=os.environ.get("WANDB_MODE", "offline"), project=os.environ.get("WANDB_PROJECT", "asgml"), dir=str(folder),
            id=address.of(config), name=f"{config['method']} seed {config['seed']}", group=config["method"], config=config,
            settings=settings, resume="allow" if os.environ.get("WANDB_MODE") == "online" else None,
        )  # fmt: skip
        for axis in ("step", "epoch"):
            self._run.define_metric(axis, hidden=True)
        self._axis: dict[str, str] = {}

    def log(self, record: Mapping[str, Any]) -> None:
        """Log the tags of a record together with its step or epoch."""
        axis, tags = ("step" if record["kind"] == "step" else "epoch"), store.tags(record)
        for tag in [t for t in tags if t not in self._axis]:
            self._axis[tag] = axis
            self._run.define_metric(tag, step_metric=axis)
        if tags:
            self._run.log({**tags, axis: record[axis]})

    def flush(self) -> None:
        """Its own process writes."""

    def close(self) -> None:
        """Finish the run, and wait for the process that writes it: a forked cell leaves no time for that when it ends."""
        self._run.finish()
        self._teardown()


def _wandb() -> Any:
    try:
        import wandb
    except Exception as error:
        raise InputError(f"`loggers`: needs the package wandb, which fails to import ({type(error).__name__}: {error}); "
                         "pip install 'asgml[wandb]', or leave it out") from error  # fmt: skip
    return wandb


LOGGERS: dict[str, Callable[[Path], Logger]] = {"tensorboard": TensorBoard, "wandb": WandB}


def of(cell: Cell, folder: Path) -> list[Logger]:
    """Return the loggers of a cell, which write into its folder."""
    return [LOGGERS[name](folder) for name in cell.loggers]
