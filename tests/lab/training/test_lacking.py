"""Samples that lack a modality, and labels that are no classes, through a whole cell."""

import dataclasses
import json

import numpy as np
import pytest
import torch

import manifests
import small
from asgml.lab import datasets, store
from asgml.lab.config import Experiment, Model
from asgml.lab.datasets import lacking
from asgml.lab.errors import InputError
from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.models.modal import Modal
from asgml.lab.training import cell as cells
from asgml.lab.training import diagnosing
from asgml.lab.training.objectives import Disentangled, SoloSum, Unimodal

MASK = torch.tensor([True, True, False, True])


def cell(path, entries=(), **train):
    document = {"name": "m", "dataset": {"name": "manifest", "path": str(path)}, "model": {"feature_dim": 8}, "seeds": [0],
                "train": {"epochs": 1, "batch_size": 16, "lr": 0.05} | train, "methods": {"m": list(entries)}}  # fmt: skip
    return Experiment.model_validate(document).tuned().cells()[0]


def train(folder, path, entries=(), **settings):
    made = small.lay_out(folder, cell(path, entries, **settings))
    return cells.train(made), made


def model(width=4):
    return LateFusion({"a": torch.zeros(1, 3), "v": torch.zeros(1, 5)}, Model(feature_dim=width), 2, 0)


def batch(filler):
    torch.manual_seed(0)
    inputs = {"a": torch.randn(4, 3), "v": torch.randn(4, 5)}
    inputs["v"][2] = filler
    return Modal(inputs, {"v": MASK})


def test_nobody_looks_at_the_filler_and_the_feature_is_zero():
    """Filler of nan would show anywhere: in logits, losses and gradients."""
    net, labels = model(), torch.tensor([0, 1, 1, 0])
    losses = []
    for objective in (Unimodal(1.0), SoloSum(), Disentangled(1.0)):
        objective.prepare({"a": 4, "v": 4}, 2, 0)
        objective.attach(net)
        logits, features = net(batch(torch.nan))
        assert features["v"][2].tolist() == [0, 0, 0, 0]
        loss = objective(objective.predict(logits, features), features, labels)
        loss.backward()
        losses.append(loss.item())
        assert all(p.grad is None or p.grad.isfinite().all() for p in [*net.parameters(), *objective.parameters()])
    assert np.isfinite(losses).all()


def test_own_losses_and_answers_are_over_the_samples_that_have_the_modality():
    net, labels = model(), torch.tensor([0, 1, 1, 0])
    own = SoloSum()
    own.prepare({"a": 4, "v": 4}, 2, 0)
    _, features = net(batch(0.0))
    heads = {m: head(features[m]) for m, head in own.heads.items()}
    expected = own.criterion(heads["a"], labels) + own.criterion(heads["v"][MASK], labels[MASK])
    assert own(heads["a"], features, labels) == expected
    assert torch.equal(own.predict(heads["a"], features)[2], heads["a"][2])


def test_a_batch_without_it_does_not_call_the_encoder():
    net = model()
    net.encoders["v"].register_forward_hook(lambda *call: pytest.fail("called"))
    inputs = batch(0.0)
    inputs.present = {"v": torch.zeros(4, dtype=torch.bool)}
    assert net(inputs)[1]["v"].eq(0).all()


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Numbers to foretell, from vectors and texts that some lack; and the folder."""
    folder = tmp_path_factory.mktemp("told")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASGML_CACHE", str(folder / "cache"))
        yield folder, manifests.told(folder, lambda k: k - 1.5, lacking=0.4)


def test_numbers_are_learnt_scored_and_probed(told, tmp_path):
    result, folder = train(tmp_path / "cell", told[1], [{"frequency": {"modality": "words", "k": 2}}], epochs=2)
    assert set(result) == {"status", "best_epoch", "epochs", "validation_r2"}
    header, *records = small.log(folder)
    assert header["task"] == "regression"
    assert header["present"]["train"]["words"] < header["sizes"]["train"]
    last = records[-1]
    assert last["test"].keys() >= {"r2", "mae", "loss", "probe_r2", "probe_r2_joint", "utilization_gap"}
    assert not [key for key in last["test"] if "acc" in key and key not in ("acc2_has0", "acc2_non0", "acc7")]
    assert {"words"} == {m for r in records if r["kind"] == "step" for m in r["skipped"]}
    with np.load(folder / "predictions.npz") as kept:
        assert kept["test_logits"].shape == (header["sizes"]["test"], 1)
        assert kept["test_present_words"].sum() == header["present"]["test"]["words"]


def test_a_control_has_the_samples_that_it_can_see(told, tmp_path):
    _, folder = train(tmp_path / "cell", told[1], [{"alone": {"modality": "words"}}])
    data = datasets.load(cell(told[1]).dataset, 0)
    assert small.log(folder)[0]["sizes"] == {s: int(getattr(data, s).having("words").sum()) for s in lacking.SPLITS}
    assert "present" not in small.log(folder)[0]


def test_filler_changes_no_bit_of_a_cell(told, tmp_path, monkeypatch):
    logs = []
    for filler in (0.0, 7.0):
        plain = datasets.load

        def filled(settings, seed, plain=plain, filler=filler):
            data = plain(settings, seed)
            for split in lacking.SPLITS:
                part = getattr(data, split)
                for m, mask in part.present.items():
                    part.inputs[m][~mask] = filler
            return data

        with monkeypatch.context() as patch:
            patch.setattr(datasets, "load", filled)
            _, folder = train(tmp_path / f"cell{filler}", told[1], [{"solo_sum": {}}], steer=0.2)
        logs.append(small.log(folder))
    assert logs[0] == logs[1]


BY_SCORE = {"adaptive": {"signal": "score", "drive": "scale", "threshold": 0.1}}


@pytest.mark.parametrize("entry", [{"ogm": {"alpha": 0.8}}, {"boost": {}}, {"dual_signal": {}}, BY_SCORE])
def test_methods_that_need_classes_say_so(told, entry):
    with pytest.raises(InputError, match="one class per sample, and the data set's task is regression"):
        cells.prepare(cell(told[1], [entry]))


def test_a_method_that_steers_by_probes_works_with_numbers(told, tmp_path):
    entry = {"adaptive": {"signal": "probe", "drive": "scale", "threshold": 0.1}}
    result, _ = train(tmp_path / "cell", told[1], [entry])
    assert result["status"] == "finished"


def test_diagnose_refuses_in_words(told, tmp_path):
    _, folder = train(tmp_path / "cell", told[1])
    with pytest.raises(InputError, match="needs one class per sample"):
        diagnosing.diagnose(folder, {})


def test_sets_of_labels_are_learnt_and_scored(tmp_path, monkeypatch):
    monkeypatch.setenv("ASGML_CACHE", str(tmp_path / "cache"))
    path = manifests.told(tmp_path, lambda k: ["A", "B", "C"][:k])
    result, folder = train(tmp_path / "cell", path, unimodal_loss=1.0)
    assert result["validation_map"] > 0
    assert small.log(folder)[-1]["test"].keys() >= {"map", "auroc", "probe_map"}


def test_a_modality_that_no_training_sample_has_is_refused():
    names = np.array(["a", "b"])
    kinds = (datasets.Train, datasets.Validation, datasets.Test)
    splits = [kind({"x": np.zeros((2, 1)), "y": np.zeros((2, 1))}, np.arange(2), names, names) for kind in kinds]
    splits[0] = dataclasses.replace(splits[0], present={"y": np.zeros(2, dtype=bool)})
    data = datasets.Data(*splits, ("0", "1"), "")
    with pytest.raises(InputError, match="no training sample has 'y'"):
        lacking.dropped(data, ("x", "y"))
    assert json.dumps(lacking.counts(data, ["x", "y"])) == '{"present": {"train": {"y": 0}, "validation": {}, "test": {}}}'
    assert store.SHORT.keys() == set(lacking.SPLITS)
