"""A cell that trains in a second, and ways to run it."""

import dataclasses
import json
import subprocess
import sys

import pytest

from asgml.lab import store, trial
from asgml.lab.config import Cell, Experiment

DATASET = {"name": "keypad", "train_size": 100, "snr_db": 0.0, "image_noise": 0.3}


def cell(entries=(), *, dataset=None, replace=False, seed=0, model=None, **train) -> Cell:
    settings = {"epochs": 3, "lr": 0.05, "weight_decay": 1e-4, "batch_size": 32} | train
    experiment = Experiment.model_validate(
        {
            "name": "small",
            "dataset": (dataset or {}) if replace else DATASET | (dataset or {}),
            "model": {"feature_dim": 8} | (model or {}),
            "train": settings,
            "seeds": [seed],
            "methods": {"method": list(entries)},
        }
    )
    return experiment.tuned().cells()[0]


def lay_out(folder, cell):
    folder.mkdir(parents=True)
    store.write_json(folder / "config.json", cell.model_dump(mode="json", by_alias=True))
    return folder


def run(folder, *options, **settings):
    command = [sys.executable, "-W", "error", "-m", "asgml.lab.trial", str(folder), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **settings)


def run_here(folder) -> int:
    """What a cell's process does, in this one; return the exit code."""
    try:
        trial.hold(folder)
    except SystemExit as ended:
        return ended.code
    raise AssertionError("a trial says how it ended")


class Killed(BaseException):
    """Stands for a kill: nothing may catch it."""


def train_and_kill(folder, target, name, count):
    """Train until the `count`-th call of a function, and end there, as far as a test can end a process."""
    from asgml.lab.training import cell as cells

    plain, calls = getattr(target, name), []

    def counted(*args, **kwargs):
        calls.append(name)
        if len(calls) == count:
            raise Killed
        return plain(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(target, name, counted)
        with pytest.raises(Killed):
            cells.train(folder)


def fewer_to_score(data, rows=60):
    """The same training samples; of the others, which cost more to score than these to train on, the first ones."""
    return dataclasses.replace(data, validation=data.validation.rows(slice(rows)), test=data.test.rows(slice(rows)))


def log(folder):
    """All records, without what another run may not have: wall time and memory."""
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in ("seconds", "peak_memory")} for line in lines]
