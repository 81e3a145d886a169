"""Every kind of entry trains a cell, does what it says, and decides by nothing that it must not see."""

import dataclasses

import numpy as np
import pytest
import torch

import small
from asgml.lab import datasets
from asgml.lab.datasets import Test, Validation
from asgml.lab.errors import InputError
from asgml.lab.methods import METHODS
from asgml.lab.models.transforms import ModalityDropout
from asgml.lab.training import cell as cells
from asgml.lab.training import plan
from asgml.lab.training.objectives import CrossEntropy, Sum, Unimodal

STEER = {"steer": 0.2}
ENTRIES = {
    "frequency": {"modality": "audio", "k": 3, "rule": "every"},
    "staleness": {"modality": "visual", "tau": 2},
    "adaptive": {"signal": "generalisation_gap", "threshold": 0.0, "k_max": 2},
    "auto": {"threshold": 0.0},
    "dual_signal": {"tau_base": 3},
    "ogm": {"alpha": 0.3, "start": 1},
    "ogm_ge": {"alpha": 0.3, "stop": 2, "scope": "conv"},
    "boost": {"normalise": "gap", "inertia": 0.7},
    "noise": {"factor": 0.5},
    "learning_rate": {"modality": "audio", "factor": 0.5},
    "unimodal_loss": {"gamma": 1},
    "dgl": {"alpha": 2},
    "modality_dropout": {"p": 0.3},
    "alone": {"modality": "audio"},
    "solo_sum": {},
    "frozen": {"modality": "visual", "after": 1},
    "random_side": {"k": 2},
    "train_on_steer": {},
    "longer": {"factor": 1.5},
}
VARIANTS = (
    list(ENTRIES.items())
    + [
        ("adaptive", {"signal": signal, "drive": drive, "threshold": 0.0, "k_max": 2})
        for signal, drive in [
            ("probe", "staleness"),
            ("validation_probe", "scale"),
            ("score", "frequency"),
            ("loss_descent", "frequency"),
        ]
    ]
    + [("dual_signal", {"drive": "staleness"}), ("noise", {"modality": "visual"}), ("learning_rate", {"factor": 0.5})]
)


def run(folder, entries, **settings):
    """Train; the chosen epoch alone is scored, which changes no weight (see below)."""
    folder = small.lay_out(folder, small.cell(entries, **STEER | {"look": "chosen", "epochs": 2} | settings))
    return cells.train(folder), small.log(folder)


def weights(folder):
    return torch.load(folder / "checkpoint.pt", weights_only=True)["trainer"]["model"]


@pytest.fixture(scope="module")
def baseline(tmp_path_factory):
    folder = tmp_path_factory.mktemp("baseline") / "cell"
    run(folder, [], look="every_epoch")
    return weights(folder), small.log(folder)


def test_every_kind_is_tried():
    assert ENTRIES.keys() == METHODS.keys()


@pytest.mark.parametrize(
    ("kind", "settings"), VARIANTS, ids=lambda x: x if isinstance(x, str) else "-".join(map(str, x.values()))
)
def test_every_kind_trains_and_never_sees_validation_or_test(tmp_path, monkeypatch, baseline, kind, settings):
    epochs = 3 if kind == "auto" else 2  # it reads once an epoch
    _, log = run(tmp_path / "cell", [{kind: settings}], epochs=epochs)
    trained = weights(tmp_path / "cell")
    assert trained.keys() != baseline[0].keys() or any(not torch.equal(w, baseline[0][n]) for n, w in trained.items())
    assert kind != "auto" or any(record.get("skipped") for record in log)
    monkeypatch.setattr(datasets, "load", lambda *args, load=datasets.load: spoilt(load(*args)))
    run(tmp_path / "spoilt", [{kind: settings}], epochs=epochs)
    assert all(torch.equal(w, trained[n]) for n, w in weights(tmp_path / "spoilt").items())


def spoilt(data):
    """The same training samples; noise, wrongly labelled, in the place of all others."""
    rng = np.random.default_rng(0)

    def noise(split, kind):
        inputs = {m: rng.normal(size=x.shape).astype(x.dtype) for m, x in split.inputs.items()}
        return kind(inputs, rng.permutation(split.labels), split.ids, split.groups)

    return dataclasses.replace(data, validation=noise(data.validation, Validation), test=noise(data.test, Test))


@pytest.mark.parametrize("drive", ["frequency", "staleness", "scale"])
@pytest.mark.parametrize("signal", ["probe", "generalisation_gap", "score"])
def test_below_its_threshold_adaptive_is_plain_training(tmp_path, baseline, drive, signal):
    run(tmp_path / "cell", [{"adaptive": {"signal": signal, "drive": drive, "threshold": 1.01}}])
    assert all(torch.equal(w, baseline[0][n]) for n, w in weights(tmp_path / "cell").items())


def test_what_steers_is_logged(tmp_path):
    _, log = run(tmp_path / "cell", [{"adaptive": {"signal": "validation_probe", "threshold": 0.0}}])
    gaps = [r["readings"]["gap"] for r in log if r["kind"] == "step" and "gap" in r["readings"]]
    assert gaps
    assert all(set(g) == {"audio", "visual"} and min(g.values()) == 0 for g in gaps)


def test_a_random_side_is_drawn_by_the_seed(tmp_path):
    sides = []
    for seed in (0, 0, 1):
        _, log = run(tmp_path / str(len(sides)), [{"random_side": {"k": 2}}], seed=seed)
        sides.append([r["skipped"] for r in log if r["kind"] == "step"])
    assert sides[0] == sides[1] != sides[2]
    assert all(len(s) == t % 2 for t, s in enumerate(sides[0]))


def test_a_frozen_encoder_stays_as_it_was(tmp_path):
    _, log = run(tmp_path / "cell", [{"frozen": {"modality": "visual", "after": 1}}], epochs=3)
    shares = {r["epoch"]: r["skipped_share"] for r in log if "skipped_share" in r}
    assert [shares[e]["visual"] for e in (1, 2, 3)] == [0, 1, 1]
    assert not any(s["audio"] for s in shares.values())


def test_longer_training_stretches_the_schedule(tmp_path):
    result, log = run(tmp_path / "cell", [{"longer": {"factor": 1.5}}], epochs=3)
    assert result["epochs"] == 5, "3 epochs times 1.5, rounded half up"
    rates = [r["lr"] for r in log if r["kind"] == "step"]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(0.05 * (1 + np.cos(np.pi * 4 / 5)) / 2)


def test_the_steer_split_is_not_trained_on_unless_asked_for(tmp_path):
    sizes = []
    for n, entries in enumerate([[], [{"train_on_steer": {}}]]):
        _, log = run(tmp_path / str(n), entries)
        sizes.append(log[0]["sizes"])
    assert (sizes[0]["train"], sizes[1]["train"]) == (80, 100)


def test_looking_at_the_chosen_epoch_alone_changes_no_number(tmp_path, baseline):
    _, log = run(tmp_path / "cell", [])
    *ours, chosen = (r for r in log if r["kind"] == "epoch")
    whole = {r["epoch"]: r for r in baseline[1] if r["kind"] == "epoch"}
    assert all(torch.equal(w, baseline[0][n]) for n, w in weights(tmp_path / "cell").items())
    for record in ours:
        assert record["validation"] == {"accuracy": whole[record["epoch"]]["validation"]["accuracy"]}
        assert not {"train", "test"} & record.keys()
    assert chosen == {key: whole[chosen["epoch"]][key] for key in chosen}
    assert chosen.keys() == {"kind", "epoch", "train", "validation", "test"}
    assert chosen["validation"]["accuracy"] == max(r["validation"]["accuracy"] for r in ours)


def test_losses_add_up_and_one_stands_for_the_fused():
    def objective(*entries, **train):
        return plan.make(small.cell(list(entries), **train), ("audio", "visual")).objective

    assert isinstance(objective(), CrossEntropy)
    both = objective({"unimodal_loss": {"gamma": 2}}, unimodal_loss=1)
    assert isinstance(both, Sum)
    assert [type(t) for t in both.terms] == [CrossEntropy, Unimodal, Unimodal]
    with pytest.raises(InputError, match="Disentangled and SoloSum each stand in the place of the fused cross-entropy"):
        objective({"dgl": {}}, {"solo_sum": {}})


def test_dropout_for_one_or_for_all():
    def p(*entries):
        return plan.make(small.cell(list(entries)), ("audio", "visual")).transform(["audio", "visual"])

    assert p({"modality_dropout": {"p": 0.2}}).p == {"audio": 0.2, "visual": 0.2}
    assert p({"modality_dropout": {"p": 0.2, "modality": "visual"}}).p == {"audio": 0.0, "visual": 0.2}
    assert not isinstance(p({"modality_dropout": {"p": 0.0}}), ModalityDropout)
