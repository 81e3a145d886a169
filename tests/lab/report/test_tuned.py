"""The budget, every trial, the choice and its warnings; and the gap between training and test."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asgml.lab import report
from asgml.lab.report import facts, folders
from asgml.lab.report.sections import attention, overview, trajectories
from lab.report import logs
from lab.report.test_sections import words

PAIR = {"audio": [0.5, 0.6], "visual": [0.3, 0.4]}


def trial(lr: float, mean: float | None, diverged: int = 0) -> dict[str, Any]:
    return {"settings": {"train.lr": lr}, "validation_accuracy": mean, "seeds": {}, "diverged": [100] * diverged, "missing": []}


PLAIN = [trial(0.1, 0.8), trial(0.2, 0.9), trial(0.4, 0.7)]
DIVERGED = [trial(0.1, 0.8), trial(0.2, 0.9, 1), trial(0.4, None, 2)]
TUNING = {
    "schema": 1, "over": {"train.lr": [0.1, 0.2, 0.4]}, "seeds": [100, 101], "trials": 3, "cells": 6,
    "methods": {
        "baseline": {"chosen": {"train.lr": 0.2}, "edges": [], "trials": PLAIN},
        "m": {"chosen": {"train.lr": 0.1}, "edges": ["train.lr"], "trials": DIVERGED},
        "waits": {"chosen": None, "edges": [], "trials": PLAIN},
    },
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Path:
    logs.write_experiment(tmp_path, {"baseline": [], "m": []}, [0])
    for method in ("baseline", "m"):
        logs.write_cell(tmp_path, method, 0, logs.records(PAIR, [0.5, 0.6]), best_epoch=1)
    (tmp_path / "tuning.json").write_text(json.dumps(TUNING))
    return tmp_path


def test_budget_choices_and_trials_are_shown(run: Path) -> None:
    said = words(overview.blocks(folders.read(run)))
    assert "had the same budget: 3 settings (train.lr in 0.1, 0.2, 0.4) x 2 seeds (100 and 101), which are no reported" in said
    assert "Method | Chosen | train.lr = 0.1 | train.lr = 0.2 | train.lr = 0.4" in said
    assert "m | train.lr = 0.1 | 80.00% | 90.00% (1 diverged) | – (2 diverged)" in said
    assert "waits | not chosen yet" in said
    assert "train.lr | tuned for each method" in said
    report.write(run)
    assert "**90.00%**" in (run / "analysis.md").read_text()


def test_of_a_sampler_the_budget_and_each_choice_are_shown(run: Path) -> None:
    space = {"train.lr": {"low": 0.1, "high": 0.4, "log": True}, "train.schedule": ["cosine", "step"]}
    drawn = {key: value for key, value in TUNING.items() if key != "over"} | {"space": space, "sampler": "tpe"}
    (run / "tuning.json").write_text(json.dumps(drawn))
    said = words(overview.blocks(folders.read(run)))
    assert "same budget: 3 trials that Optuna's tpe sampler drew from train.lr from 0.1 to 0.4 (log scale) and" in said
    assert "baseline | train.lr = 0.2 | 2 | 90.00% | 80.00% | 0 | 0" in said
    assert "m | train.lr = 0.1 | 1 | 80.00% | 85.00% | 2 | 0" in said
    assert "train.lr | tuned for each method" in said
    assert "edge of the range of train.lr" in words(attention.blocks(folders.read(run)))


@pytest.mark.parametrize(("task", "key", "name"), [("multilabel", "map", "mAP"), ("regression", "r2", "R²")])
@pytest.mark.parametrize("how", ["space", "over"])
def test_trials_of_other_tasks_are_shown_by_their_score(run: Path, task: str, key: str, name: str, how: str) -> None:
    """A trial that diverged for every seed has the key of classification."""
    renamed = json.loads(json.dumps(TUNING).replace("validation_accuracy", f"validation_{key}"))
    diverged = renamed["methods"]["m"]["trials"][2]
    diverged["validation_accuracy"] = diverged.pop(f"validation_{key}")
    if how == "space":
        renamed["space"] = {"train.lr": renamed.pop("over")["train.lr"]}
        renamed["sampler"] = "random"
    (run / "tuning.json").write_text(json.dumps(renamed))
    for cell in run.glob("*/seed0"):
        lines = (cell / "metrics.jsonl").read_text().replace('"accuracy"', f'"{key}"').replace("probe_acc", f"probe_{key}")
        (cell / "metrics.jsonl").write_text(lines.replace('"kind": "header"', f'"kind": "header", "task": "{task}"'))
    report.write(run)
    text = (run / "analysis.md").read_text()
    assert f"alidation {name}" in text
    assert "alidation accuracy" not in text
    assert "90.00%" in text


def test_an_edge_is_warned_of_first(run: Path) -> None:
    assert "Tuning chose an edge of the grid of train.lr for 1 of 3 methods (m): better" in words(
        attention.blocks(folders.read(run))
    )
    assert "Tuning" not in words(attention.blocks(replace(folders.read(run), tuning=None)))


def test_training_minus_test_accuracy_is_of_the_chosen_epoch(run: Path) -> None:
    records = logs.records(PAIR, [0.5, 0.6])
    records[5]["train"]["accuracy"] = 0.57  # the first of two epochs
    logs.write_cell(run, "gap", 0, records, best_epoch=1)
    found = report.write(run)["methods"]
    assert found["gap"]["train_minus_test_accuracy"] == {"mean": pytest.approx(0.07), "sd": None}
    row = logs.table((run / "analysis.md").read_text(), "Train - test accuracy")["gap"]
    assert row["Train - test accuracy"] == "7.00 points"


def test_where_the_chosen_epoch_alone_was_scored_nothing_claims_more(run: Path) -> None:
    logs.write_experiment(run, {"baseline": [], "m": []}, [0], train={"look": "chosen"})
    study = folders.read(run)
    assert words(trajectories.blocks(study)).endswith("there are no curves over epochs.")
    report.write(run)
    text = (run / "analysis.md").read_text()
    assert "last epoch" not in text.split("## Performance")[1].split("##")[0]
    assert "best on test" not in text
    assert "Only the epoch chosen on validation was scored, so an “average” is its value" in text


def test_the_last_epoch_is_the_last_that_was_trained_not_the_last_that_was_scored(run: Path) -> None:
    """With `look: chosen` test accuracy has one point, the chosen epoch's; validation has all."""
    records = logs.records(PAIR, [0.5, 0.6])
    del records[-1]["test"], records[-1]["train"]
    logs.write_cell(run, "early", 0, records, best_epoch=1)
    study = folders.read(run)
    early = next(m for m in study.methods if m.name == "early")
    assert facts.method_facts(study, early).still_rising is False
