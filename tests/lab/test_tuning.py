"""The choice: by validation alone, the same number of trials for all, divergence worst, and edges said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from asgml.lab import store, tuning
from asgml.lab.config import Experiment
from asgml.lab.config.study import Tune
from asgml.lab.errors import InputError
from asgml.lab.tuning import Trial


def trial(lr: float, *accuracies: float, diverged: int = 0, missing: int = 0) -> Trial:
    seeds = iter(range(100, 200))
    return Trial({"train.lr": lr}, {next(seeds): a for a in accuracies}, tuple(next(seeds) for _ in range(diverged)),
                 tuple(next(seeds) for _ in range(missing)))  # fmt: skip


CHOICES: dict[str, tuple[list[Trial], float | None]] = {
    "the best mean": ([trial(1, 0.5, 0.9), trial(2, 0.8, 0.8), trial(3, 0.6, 0.6)], 2),
    "the first of equals": ([trial(1, 0.5), trial(2, 0.7), trial(3, 0.7)], 2),
    "not one that diverged, however good": ([trial(1, 0.2, 0.2), trial(2, 0.99, diverged=1)], 1),
    "the one that diverged least, where all did": ([trial(1, diverged=2), trial(2, 0.1, diverged=1)], 2),
    "the first, where all diverged": ([trial(1, diverged=2), trial(2, diverged=2)], 1),
    "none while a seed is missing": ([trial(1, 0.9, 0.9), trial(2, 0.5, missing=1)], None),
    "none of none": ([], None),
}


@pytest.mark.parametrize("case", CHOICES)
def test_it_takes(case: str) -> None:
    trials, lr = CHOICES[case]
    found = tuning.choose(trials)
    assert (found and found.settings["train.lr"]) == lr


@pytest.mark.parametrize(
    ("values", "chosen", "on_edge"),
    [
        ([0.1, 0.2, 0.4], 0.2, False),
        ([0.1, 0.2, 0.4], 0.4, True),
        ([0.2, 0.1, 0.4], 0.2, False),  # by size, not by place
        ([0.2, 0.1, 0.4], 0.1, True),
        (["cosine", "step"], "cosine", False),
        ([None, 0.1, 0.2], 0.1, False),
    ],
)
def test_edges_are_of_numbers(values: list[Any], chosen: Any, on_edge: bool) -> None:
    assert Tune(over={"train.x": tuple(values)}).on_edge({"train.x": chosen}) == ["train.x"] * on_edge


@pytest.mark.parametrize("score", ["x", True, [], 7.0, 10**400, float("nan")])
def test_a_trial_with_a_score_that_none_can_have_is_refused(experiment: Experiment, tmp_path: Path, score: Any) -> None:
    cell = tmp_path / "tuning/train.lr=0.1/b/seed100"
    cell.mkdir(parents=True)
    (cell / "result.json").write_text(json.dumps({"status": "finished", "validation_accuracy": score, "config": "0" * 16}))
    with pytest.raises(InputError, match=r"result\.json is damaged: validation_accuracy must be a number, at most 1, found "):
        tuning.read(experiment, tmp_path)


@pytest.fixture
def experiment() -> Experiment:
    tune = {"over": {"train.lr": [0.1, 0.2]}, "seeds": [100, 101]}
    return Experiment.model_validate({"name": "mine", "methods": {"baseline": [], "b": []}, "tune": tune}).tuned()


def leave(out: Path, lr: float, method: str, seed: int, **result: Any) -> Path:
    cell = store.cell_folder(out / f"tuning/train.lr={lr}", method, seed)
    cell.mkdir(parents=True)
    (cell / "result.json").write_text(json.dumps(result))
    return cell


def test_it_writes_every_trial_s_validation_mean_and_the_budget(tmp_path: Path, experiment: Experiment) -> None:
    for lr, scores in {0.1: (0.5, 0.7), 0.2: (0.8, 0.6)}.items():
        for seed, score in zip((100, 101), scores, strict=True):
            leave(tmp_path, lr, "baseline", seed, status="finished", validation_accuracy=score)
    leave(tmp_path, 0.1, "b", 100, status="failed", reason="out of memory")
    tuning.write(experiment, tmp_path)
    found = store.read_json(tmp_path / "tuning.json")
    assert {k: found[k] for k in ("over", "seeds", "trials", "cells")} == {
        "over": {"train.lr": [0.1, 0.2]}, "seeds": [100, 101], "trials": 2, "cells": 4,
    }  # fmt: skip
    base = found["methods"]["baseline"]
    assert [t["validation_accuracy"] for t in base["trials"]] == pytest.approx([0.6, 0.7])
    assert base["trials"][1]["seeds"] == {"100": 0.8, "101": 0.6}
    assert (base["chosen"], base["edges"]) == ({"train.lr": 0.2}, ["train.lr"])
    assert found["methods"]["b"]["chosen"] is None
    assert found["methods"]["b"]["trials"][0]["missing"] == [100, 101]


def test_nothing_but_the_validation_accuracy_is_read(tmp_path: Path, experiment: Experiment) -> None:
    """Test scores that say the opposite, in the files that hold some, change no choice."""
    for lr, score in {0.1: 0.9, 0.2: 0.5}.items():
        for seed in (100, 101):
            cell = leave(tmp_path, lr, "baseline", seed, status="finished", validation_accuracy=score, test_accuracy=1 - score)
            (cell / "metrics.jsonl").write_text("not to be read")
            (cell / "predictions.npz").write_bytes(b"not to be read")
    best = tuning.choose(tuning.read(experiment, tmp_path)["baseline"])
    assert best is not None
    assert best.settings == {"train.lr": 0.1}
