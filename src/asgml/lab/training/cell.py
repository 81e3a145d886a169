"""What a cell's process does, epoch by epoch: train, score, write, save. A pure function of `config.json`."""

from __future__ import annotations

import copy
import importlib.metadata
import io
import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from asgml.lab import datasets, seal, store
from asgml.lab.config import Cell, address
from asgml.lab.datasets import lacking
from asgml.lab.datasets._base import Data
from asgml.lab.datasets.steer import set_aside
from asgml.lab.errors import InputError
from asgml.lab.tasks import table as tasks
from asgml.lab.training import checkpoint, evaluation, logbook, loggers, plan, ranks, weights
from asgml.lab.training.device import device_of
from asgml.lab.training.evaluation import Outputs, Samples
from asgml.lab.training.logbook import Logbook
from asgml.lab.training.loop import Trainer

PACKAGES = ("asgml", "torch", "numpy", "scipy", "scikit-learn", "soundfile")
SPLITS = ("train", "validation", "test")
LOOKED_AT = ("model", "objective", "probe")


@dataclass
class Best:
    """The epoch chosen so far: the highest validation score, the earliest of equals; and what the model said then."""

    epoch: int = 0
    score: float = -math.inf
    last: float = -math.inf
    """Of the last epoch."""
    predictions: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    weights: dict[str, Any] = field(default_factory=dict)
    """What `LOOKED_AT` held then, where that epoch is looked at only when training is over."""


def train(folder: Path) -> dict[str, Any] | None:
    """Train, or go on training, the cell in this folder; return its result, or None where another process has it."""
    config = store.read_json(folder / "config.json")
    cell = Cell.model_validate(config)
    torch.set_num_threads(cell.train.threads)
    torch.set_deterministic_debug_mode("error")
    with ranks.together(cell.train):
        return _train(folder, config, cell)


def _train(folder: Path, config: dict[str, Any], cell: Cell, *, anew: bool = False) -> dict[str, Any] | None:
    data, samples, trainer = prepare(cell)
    best = Best()
    try:
        length = 0 if anew else _resume(folder, trainer, best, address.of(config))
    except checkpoint.Damaged as error:
        if ranks.first():
            checkpoint.set_aside(folder, error)
        return _train(folder, config, cell, anew=True)
    if not ranks.first():
        while trainer.epoch < trainer.train.epochs:
            trainer.run_epoch(samples["train"])
        return None
    with Logbook(folder, length, loggers.of(cell, folder)) as log:
        if not length:
            log.write(_header(data, trainer))
        while trainer.epoch < trainer.train.epochs:
            _epoch(trainer, samples, best, log)
            if cell.keep == "best" and best.epoch == trainer.epoch:
                about = {"config": config, "modalities": data.modalities, "classes": data.classes, "size": trainer.task.size}
                weights.save(folder, trainer.model, trainer.objective, samples["train"].rows(slice(1))[0], about, data.raw)
            _save(folder, trainer, best, log.sync(), address.of(config))
        if best.weights:
            _look_back(trainer, samples, best, log)
    _keep_predictions(folder, data, best)
    seal.write(folder / "metrics.jsonl")
    return {"status": "finished", "best_epoch": best.epoch, "epochs": trainer.epoch} | _called(trainer, best.score)


def prepare(cell: Cell) -> tuple[Data, dict[str, Samples], Trainer]:
    """Return the data that the cell may use, as tensors too, and all that trains on it, before the first step."""
    data = datasets.load(cell.dataset, cell.seed)
    method = plan.make(cell, data.modalities)
    data, steer = _set_aside(cell, lacking.dropped(data, method.modalities), method)
    device = device_of(cell.train)
    samples = {s: Samples.of(getattr(data, s), method.modalities, device) for s in SPLITS}
    return data, samples, Trainer.make(cell, method, samples["train"], tasks.of(data), steer, data.kinds)


def _set_aside(cell: Cell, data: Data, method: plan.Plan) -> tuple[Data, Samples | None]:
    if not cell.train.steer:
        return data, None
    train, steer = set_aside(data.train, cell.train.steer, cell.seed)
    whole = Samples.of(lacking.whole(steer, method.modalities), method.modalities, device_of(cell.train))
    return data if method.on_steer else replace(data, train=train), whole


def _epoch(trainer: Trainer, samples: Mapping[str, Samples], best: Best, log: Logbook) -> None:
    steps, record = trainer.run_epoch(samples["train"])
    outputs = {"validation": evaluation.encode(trainer.model, samples["validation"], trainer.objective)}
    score, every = trainer.task.score(outputs["validation"].logits, outputs["validation"].labels), _looks_always(trainer)
    best.last = score
    record |= _look(trainer, samples, outputs) if every else {"validation": {trainer.task.scoring.score.key: score}}
    for step in steps:
        log.write(step)
    log.write(record)
    if score > best.score:
        best.epoch, best.score = trainer.epoch, score
        if every:
            best.predictions = _predictions(trainer, outputs)
        else:
            best.weights = copy.deepcopy({part: getattr(trainer, part).state_dict() for part in LOOKED_AT})


def _looks_always(trainer: Trainer) -> bool:
    return trainer.train.look == "every_epoch"


def _called(trainer: Trainer, score: float) -> dict[str, float]:
    return {f"validation_{trainer.task.scoring.score.key}": score}


def _look_back(trainer: Trainer, samples: Mapping[str, Samples], best: Best, log: Logbook) -> None:
    """Put the chosen epoch's weights back, and score them: training is over."""
    for part, kept in best.weights.items():
        getattr(trainer, part).load_state_dict(kept)
    outputs: dict[str, Outputs] = {}
    log.write({"kind": "epoch", "epoch": best.epoch} | _look(trainer, samples, outputs))
    best.predictions = _predictions(trainer, outputs)


def _look(trainer: Trainer, samples: Mapping[str, Samples], outputs: dict[str, Outputs]) -> dict[str, Any]:
    """Score every split, with probes; `outputs` takes those up that were not there yet."""
    missing = [s for s in SPLITS if s not in outputs]
    outputs |= {s: evaluation.encode(trainer.model, samples[s], trainer.objective) for s in missing}
    probes = evaluation.fit_probes(trainer.task, outputs["train"])
    return {split: evaluation.scores(trainer.task, outputs[split], probes, trainer.probe) for split in SPLITS}


def _predictions(trainer: Trainer, outputs: Mapping[str, Outputs]) -> dict[str, dict[str, Tensor]]:
    return {s: evaluation.predictions(trainer.model, trainer.objective, outputs[s]) for s in ("validation", "test")}


def _header(data: Data, trainer: Trainer) -> dict[str, Any]:
    versions = {name: importlib.metadata.version(name) for name in PACKAGES} | {"python": platform.python_version()}
    parameters = sum(p.numel() for p in trainer.model.parameters())
    more: dict[str, Any] = {"task": data.task}
    if data.task == "classification":
        more = {"commonest": {s: _commonest(getattr(data, s).labels) for s in SPLITS}}
    more |= lacking.counts(data, list(trainer.model.encoders))
    return {"kind": "header", "modalities": list(trainer.model.encoders), "dataset_modalities": list(data.modalities),
            "classes": list(data.classes), "note": data.note, "sizes": {s: len(getattr(data, s)) for s in SPLITS},
            "parameters": parameters, "device": _device_name(trainer), "versions": versions} | more  # fmt: skip


def _commonest(labels: npt.NDArray[np.int64]) -> float:
    """Return the share of the commonest class: what guessing reaches."""
    return float(np.bincount(labels).max() / len(labels))


def _device_name(trainer: Trainer) -> str:
    device = next(trainer.model.parameters()).device
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _save(folder: Path, trainer: Trainer, best: Best, length: int, config: str) -> None:
    checkpoint.write(folder, {"config": config, "length": length, "trainer": trainer.state_dict(), "best": vars(best)})
    done = {"epoch": trainer.epoch, "epochs": trainer.train.epochs, "best": best.score} | _called(trainer, best.last)
    store.write_json(folder / "progress.json", done)


def _resume(folder: Path, trainer: Trainer, best: Best, config: str) -> int:
    """Take the checkpoint over, if there is one; return the length of `metrics.jsonl` that it stands for."""
    for left_by_a_kill in folder.glob(".*.*.*") if ranks.first() else ():  # what `store.write_atomic` had not renamed yet
        left_by_a_kill.unlink()
    state = checkpoint.read(folder)
    if state is None:
        return 0
    if state.get("config", config) != config:
        raise InputError(f"{folder / checkpoint.FILE} was made by another config than config.json beside it; remove {folder}")
    checkpoint.restore(trainer, state, folder)
    if state["best"].keys() != vars(best).keys():
        raise checkpoint.damaged(folder, "it holds something else than a checkpoint")
    vars(best).update(state["best"])
    length = int(state["length"])
    if lost := logbook.damaged(folder, length):
        raise checkpoint.damaged(folder, f"metrics.jsonl beside it {lost}")
    return length


def _keep_predictions(folder: Path, data: Data, best: Best) -> None:
    arrays: dict[str, Any] = {}
    for split, kept in best.predictions.items():
        rows = getattr(data, split)
        arrays |= {f"{split}_id": rows.ids, f"{split}_label": rows.labels, f"{split}_group": rows.groups}
        arrays |= {f"{split}_{name}": logits.numpy() for name, logits in kept.items()}
        arrays |= {f"{split}_present_{m}": mask for m, mask in rows.present.items()}
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    store.write_atomic(folder / "predictions.npz", file.getvalue())
