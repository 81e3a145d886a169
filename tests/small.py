"""A cell that trains in a second, and ways to run it."""

import dataclasses
import json
import subprocess
import sys

from asgml.lab import store
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


def fewer_to_score(data, rows=60):
    """The same training samples; of the others, which cost more to score than these to train on, the first ones."""

    def first(split):
        return type(split)(
            {m: x[:rows] for m, x in split.inputs.items()}, *(a[:rows] for a in (split.labels, split.ids, split.groups))
        )

    return dataclasses.replace(data, validation=first(data.validation), test=first(data.test))


def log(folder):
    """All records, without the wall time."""
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]
