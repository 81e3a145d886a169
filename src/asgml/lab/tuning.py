"""What the trials of a tuning say, by validation alone, and the point of the grid that each method takes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgml.lab import search, store
from asgml.lab.config import Experiment, points
from asgml.lab.config.points import Point
from asgml.lab.config.study import Tune
from asgml.lab.errors import InputError
from asgml.lab.tasks.scoring import validation_key, validation_score

FILE = "tuning.json"


@dataclass(frozen=True, slots=True)
class Trial:
    """One method at one point of the grid: per seed its validation score, a share, or how it ended without one."""

    settings: Mapping[str, Any]
    accuracies: Mapping[int, float]
    diverged: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    """Seeds that have not been trained, or crashed."""
    key: str = "validation_accuracy"
    """What the score is called, in `result.json` and `tuning.json`."""

    @property
    def mean(self) -> float | None:
        """The mean over the seeds that have an accuracy."""
        return sum(self.accuracies.values()) / len(self.accuracies) if self.accuracies else None

    def better_than(self, other: Trial) -> bool:
        """By fewer seeds that diverged, then by the mean: a trial that diverges is worse than any that does not."""
        mine, theirs = ((-len(t.diverged), -math.inf if t.mean is None else t.mean) for t in (self, other))
        return mine > theirs


def done(result: Mapping[str, Any] | None) -> bool:
    """Whether a trial's cell need not run again: it finished, or it diverged, as it would again."""
    return result is not None and (result.get("status") == "finished" or bool(result.get("diverged")))


@dataclass(frozen=True, slots=True)
class Tried:
    """A trial of one method: where it lies, and what it gave; both None where an earlier one must end before it is known."""

    point: Point | None
    trial: Trial


def read(experiment: Experiment, out: Path) -> dict[str, list[Trial]]:
    """Every trial of a plain experiment under `out`, method by method: result.json's validation accuracy, nothing else."""
    return {m: [tried.trial for tried in listed] for m, listed in tried(experiment, out).items()}


def tried(experiment: Experiment, out: Path) -> dict[str, list[Tried]]:
    """Every trial that the budget holds, method by method."""
    if experiment.tune is None:
        return {}
    if experiment.tune.over:
        grid = points.trials(experiment)
        return {m: [_tried(t, out, m) for t in grid] for m in experiment.methods}
    return {m: _searched(experiment, experiment.tune, out, m) for m in experiment.methods}


def _searched(experiment: Experiment, tune: Tune, out: Path, method: str) -> list[Tried]:
    """The trials that Optuna has proposed by now, and places for those to come."""
    found, told = list[Tried](), list[float]()
    while len(found) < len(settings := search.proposed(tune, told)):
        found += [_tried(points.trial(experiment, settings[n], f"trial{n + 1}"), out, method)
                  for n in range(len(found), len(settings))]  # fmt: skip
        told = _told(found)
    return found + [Tried(None, Trial({}, {}, missing=tune.seeds))] * (tune.trials - len(found))


def _told(found: Sequence[Tried]) -> list[float]:
    """What the sampler may know: every trial before the first that has a seed missing; one that diverged counts as 0."""
    whole = itertools.takewhile(lambda tried: not tried.trial.missing, found)
    return [0.0 if t.trial.diverged or t.trial.mean is None else t.trial.mean for t in whole]


def _tried(point: Point, out: Path, method: str) -> Tried:
    return Tried(point, _trial(out / point.folder, method, point.settings, point.experiment.seeds))


def _trial(folder: Path, method: str, settings: Mapping[str, Any], seeds: Sequence[int]) -> Trial:
    results = {seed: _result(store.cell_folder(folder, method, seed)) for seed in seeds}
    found = {s: validation_score(r) for s, r in results.items() if r.get("status") == "finished"}
    scored = {s: score for s, score in found.items() if score is not None}
    diverged = tuple(s for s, r in results.items() if s not in scored and done(r))
    key = next((k for r in results.values() if (k := validation_key(r))), "validation_accuracy")
    return Trial(settings, scored, diverged, tuple(s for s in seeds if s not in scored and s not in diverged), key)


def _result(cell: Path) -> Mapping[str, Any]:
    """What a trial's cell says of itself; InputError where it finished with a score that none can have."""
    found: Mapping[str, Any] = store.read_record(cell / "result.json") or {}
    key = validation_key(found)
    score = validation_score(found)
    written_by_us = found.get("status") == "finished" and "config" in found  # who else wrote it may count otherwise
    if written_by_us and key is not None and found[key] is not None and (score is None or score > 1):
        raise InputError(f"{cell / 'result.json'} is damaged: {key} must be a number, at most 1, found {found[key]!r:.40}; "
                         f"remove {cell}, and the same command trains it again")  # fmt: skip
    return found


def choose(trials: Sequence[Trial]) -> Trial | None:
    """The best trial, the first of equals; None while one of them has a seed missing, since budgets must be equal."""
    if not trials or any(t.missing for t in trials):
        return None
    best = trials[0]
    for trial in trials[1:]:
        best = trial if trial.better_than(best) else best
    return best


def write(experiment: Experiment, out: Path) -> dict[str, list[Trial]]:
    """Write `tuning.json`: every trial's validation accuracy and the choice; what it held of other methods stays."""
    found = read(experiment, out)
    assert experiment.tune is not None
    before: Mapping[str, Any] = store.read_record(out / FILE) or {}
    methods = {m: _entry(trials, experiment.tune) for m, trials in found.items()}
    trials = len(next(iter(found.values())))
    content = {
        "schema": 1, **experiment.tune.model_dump(mode="json"), "trials": trials, "cells": trials * len(experiment.tune.seeds),
        "methods": before.get("methods", {}) | methods,
    }  # fmt: skip
    if content != before:
        store.write_json(out / FILE, content)
    return found


def _entry(trials: Sequence[Trial], tune: Tune) -> dict[str, Any]:
    best = choose(trials)
    chosen = None if best is None else dict(best.settings)
    return {"chosen": chosen, "edges": [] if chosen is None else tune.on_edge(chosen), "trials": [_said(t) for t in trials]}


def _said(trial: Trial) -> dict[str, Any]:
    seeds = {str(seed): accuracy for seed, accuracy in trial.accuracies.items()}
    return {"settings": dict(trial.settings), trial.key: trial.mean, "seeds": seeds,
            "diverged": list(trial.diverged), "missing": list(trial.missing)}  # fmt: skip
