"""Tuning with real cells: test data never speaks in it, and a trial that blows up is the worst one, not a crash."""

import sys

import numpy as np
import pytest

import small
from asgml.lab import store, sweep, tuning
from asgml.lab.config import Experiment
from lab.sweeping import Here, Watch

SPOILED = """
import dataclasses
import numpy as np
from asgml.lab import datasets
from asgml.lab.datasets.settings import Keypad

def data(seed, spoil):
    found = datasets.load(Keypad(**%r), seed)
    labels = np.random.default_rng(0).permutation(found.test.labels) if spoil else found.test.labels
    return dataclasses.replace(found, test=dataclasses.replace(found.test, labels=labels))
"""


def study(spoil):
    return Experiment.model_validate(
        {
            "name": "tuned",
            "dataset": {"import": "spoiled:data", "spoil": spoil},
            "model": {"feature_dim": 8},
            "train": {"epochs": 4, "batch_size": 10},
            "seeds": [0],
            "tune": {"over": {"train.lr": [0.01, 0.05, 1e30]}, "seeds": [7]},
            "methods": {"baseline": []},
        }
    ).tuned()


@pytest.fixture
def runs(tmp_path, monkeypatch):
    (tmp_path / "spoiled.py").write_text(SPOILED % small.DATASET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name, spoil in {"clean": False, "spoiled": True}.items():
        assert sweep.run(study(spoil), tmp_path / name, 1, Watch(), Here()).failed == ()
    sys.modules.pop("spoiled")
    return tmp_path / "clean", tmp_path / "spoiled"


def test_spoiled_test_labels_change_no_choice_and_what_diverges_is_worst(runs):
    clean, spoiled = (store.read_json(run / tuning.FILE) for run in runs)
    assert clean == spoiled
    first, second, last = clean["methods"]["baseline"]["trials"]
    best = max(first, second, key=lambda trial: trial["validation_accuracy"])
    assert first["validation_accuracy"] != second["validation_accuracy"]
    assert clean["methods"]["baseline"]["chosen"] == best["settings"]
    assert (last["validation_accuracy"], last["diverged"], last["missing"]) == (None, [7], [])
    labels = [np.load(run / "baseline/seed0/predictions.npz")["test_label"] for run in runs]
    assert (labels[0] != labels[1]).any()
    kept = {p.relative_to(runs[0]).parts[0] for p in runs[0].rglob("model.safetensors")}
    assert kept == {"baseline"}, "trials keep no weights"
