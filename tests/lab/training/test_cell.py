"""A cell is a pure function of its config: the same bits however often it was stopped, and every number in its place."""

import json
import math

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import small
from asgml.lab import seal, store
from asgml.lab.training import cell as cells
from asgml.lab.training.loop import Trainer

ALL = [{"frequency": {"modality": "audio", "k": 3}}, {"staleness": {"modality": "visual", "tau": 2}}]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished cell of two combined methods."""
    folder = small.lay_out(tmp_path_factory.mktemp("finished") / "cell", small.cell(ALL))
    result = cells.train(folder)
    return folder, result


@pytest.mark.parametrize(
    ("target", "name", "count"),
    [
        (Trainer, "run_step", 6),
        (Trainer, "run_epoch", 3),
        (cells, "_save", 2),
        (store, "write_atomic", 3),
        (cells, "_keep_predictions", 1),
    ],
)
def test_resume_after_a_kill_is_bit_identical(finished, tmp_path, target, name, count):
    folder = small.lay_out(tmp_path / "cell", small.cell(ALL))
    small.train_and_kill(folder, target, name, count)
    assert cells.train(folder) == finished[1]
    assert small.log(folder) == small.log(finished[0])
    assert not seal.broken(folder / "metrics.jsonl")
    with np.load(folder / "predictions.npz") as ours, np.load(finished[0] / "predictions.npz") as whole:
        assert set(ours) == set(whole)
        assert all(np.array_equal(ours[n], whole[n]) for n in whole)
    ours, whole = (torch.load(f / "checkpoint.pt", weights_only=True)["trainer"]["model"] for f in (folder, finished[0]))
    assert all(torch.equal(ours[n], whole[n]) for n in whole)
    assert (folder / "model.safetensors").read_bytes() == (finished[0] / "model.safetensors").read_bytes()
    assert events(folder).keys() == events(finished[0]).keys()
    assert all([s for s, _ in events(folder)[t]] == [s for s, _ in points] for t, points in events(finished[0]).items())


def test_a_half_written_line_and_checkpoint_are_no_trouble(finished, tmp_path):
    folder = small.lay_out(tmp_path / "cell", small.cell(ALL))
    small.train_and_kill(folder, Trainer, "run_epoch", 3)
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "step", "st')
    (folder / ".checkpoint.pt.123").write_bytes(b"half")
    cells.train(folder)
    assert not (folder / ".checkpoint.pt.123").exists()
    assert small.log(folder) == small.log(finished[0])
    with (folder / "metrics.jsonl").open("a") as file:
        file.write("\n")
    assert seal.broken(folder / "metrics.jsonl"), "a finished log has a checksum"


def events(folder):
    accumulator = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0})
    accumulator.Reload()
    return {t: [(e.step, e.value) for e in accumulator.Scalars(t)] for t in accumulator.Tags()["scalars"]}


def test_tensorboard_holds_the_seeds_tags_and_the_same_numbers_as_the_records(finished):
    found, expected = events(finished[0]), {}
    for record in small.log(finished[0]):
        for tag, value in store.tags(record).items():
            expected.setdefault(tag, []).append((record["step" if record["kind"] == "step" else "epoch"], value))
    assert found.keys() == expected.keys()
    for tag, points in expected.items():
        assert [s for s, _ in found[tag]] == [s for s, _ in points]
        assert [v for _, v in found[tag]] == pytest.approx([v for _, v in points], rel=1e-6)
    for tag in (
        "probe_acc_audio",
        "probe_acc_visual",
        "utilization_gap",
        "probe_online_acc_audio",
        "accuracy",
        "f1_macro",
        "loss",
    ):
        assert {f"test/{tag}", f"val/{tag}", f"train/{tag}"} <= found.keys()
    assert {"train/grad_norm_audio", "train/grad_norm_visual", "train/total_norm"} <= found.keys()


def test_every_record_is_complete_and_consistent(finished):
    folder, result = finished
    header, *records = small.log(folder)
    assert header["sizes"] == {"train": 100, "validation": 60, "test": 60}
    assert header["modalities"] == header["dataset_modalities"] == ["audio", "visual"]
    with np.load(folder / "predictions.npz") as kept:
        assert header["commonest"]["test"] == np.bincount(kept["test_label"]).max() / 60
    steps, epochs = ([r for r in records if r["kind"] == kind] for kind in ("step", "epoch"))
    assert [s["step"] for s in steps] == list(range(12)), "100 rows in batches of 32 are 4 steps an epoch"
    assert [e["epoch"] for e in epochs] == [1, 2, 3]
    for step in steps:
        skipped = ["audio"] if step["step"] % 3 == 2 else []
        assert step["skipped"] == skipped
        assert set(step["grad_norm"]) == {"audio", "visual"} - set(skipped), "nothing is logged for a skipped encoder"
        assert step["total_norm"] >= math.hypot(*step["grad_norm"].values()) * (1 - 1e-6)
        assert step["held"] == (["visual"] if step["step"] < 2 else [])
    assert [e["skipped_share"]["audio"] for e in epochs] == [0.25, 0.25, 0.5]
    assert [e["held_share"]["visual"] for e in epochs] == [0.5, 0.0, 0.0]
    for epoch in epochs:
        for split in ("train", "validation", "test"):
            probes = epoch[split]["probe_acc"]
            assert epoch[split]["utilization_gap"] == max(probes.values()) - min(probes.values())
    best = max(epochs, key=lambda e: e["validation"]["accuracy"])
    assert result["best_epoch"] == best["epoch"]
    assert result["validation_accuracy"] == best["validation"]["accuracy"]


def test_predictions_reproduce_the_scores_of_the_chosen_epoch(finished):
    folder, result = finished
    record = next(r for r in small.log(folder) if r.get("epoch") == result["best_epoch"] and r["kind"] == "epoch")
    with np.load(folder / "predictions.npz") as kept:
        for split in ("validation", "test"):
            labels, predicted = kept[f"{split}_label"], kept[f"{split}_logits"].argmax(1)
            assert accuracy_score(labels, predicted) == pytest.approx(record[split]["accuracy"])
            assert f1_score(labels, predicted, average="macro") == pytest.approx(record[split]["f1_macro"])
            assert len(set(kept[f"{split}_id"])) == len(labels) == len(kept[f"{split}_group"])
            parts = [kept[f"{split}_zero_feature_logits_{m}"] for m in ("audio", "visual")]
            surplus = sum(parts) - kept[f"{split}_logits"]
            np.testing.assert_allclose(
                surplus, np.broadcast_to(surplus[0], surplus.shape), atol=1e-4, err_msg="one bias too many"
            )


def test_test_data_choose_nothing(finished, tmp_path, monkeypatch):
    """With every test label permuted, all that is chosen and learnt stays the same."""
    from asgml.lab import datasets

    plain = datasets.load

    def spoiled(settings, seed):
        data = plain(settings, seed)
        data.test.labels[:] = (data.test.labels + 1) % 10
        return data

    monkeypatch.setattr(datasets, "load", spoiled)
    folder = small.lay_out(tmp_path / "cell", small.cell(ALL))
    assert cells.train(folder) == finished[1]
    without_test = [{k: v for k, v in r.items() if k != "test"} for r in small.log(folder)]
    assert without_test == [{k: v for k, v in r.items() if k != "test"} for r in small.log(finished[0])]
    assert small.log(folder) != small.log(finished[0])


def test_the_gradient_norm_is_the_one_before_any_intervention(tmp_path):
    """While a delay holds an encoder still, the logged norm is that of the gradient computed at the very step."""
    held = small.lay_out(tmp_path / "held", small.cell([{"staleness": {"modality": "audio", "tau": 50}}], epochs=1))
    plain = small.lay_out(tmp_path / "plain", small.cell(epochs=1))
    cells.train(held), cells.train(plain)
    assert small.log(held)[1]["grad_norm"] == small.log(plain)[1]["grad_norm"], "equal weights at step 0"
    assert all(r["grad_norm"]["audio"] > 0 for r in small.log(held) if r["kind"] == "step")


def test_a_neutral_method_is_the_baseline_bit_for_bit(finished, tmp_path):
    settings = {"neutral": [{"staleness": {"modality": "audio", "tau": 0}}], "plain": [], "again": []}
    folders = [small.lay_out(tmp_path / name, small.cell(entries, epochs=2)) for name, entries in settings.items()]
    for folder in folders:
        cells.train(folder)
    found = [[{k: v for k, v in r.items() if k != "applied"} for r in small.log(f)] for f in (*folders, finished[0])]
    assert found[0] == found[1] == found[2] != found[3]


def test_alone_trains_that_encoder_from_the_same_start(tmp_path):
    folder = small.lay_out(tmp_path / "alone", small.cell([{"alone": {"modality": "visual"}}]))
    cells.train(folder)
    header, *records = small.log(folder)
    assert header["modalities"] == ["visual"]
    assert header["dataset_modalities"] == ["audio", "visual"]
    assert all("utilization_gap" not in r["test"] for r in records if r["kind"] == "epoch")


def test_own_heads_are_trained_and_kept_where_gamma_asks_for_them(tmp_path):
    settings = {"epochs": 10, "batch_size": 10, "lr": 0.01, "look": "chosen", "model": {"feature_dim": 16}}
    folder = small.lay_out(tmp_path / "gamma", small.cell(unimodal_loss=4.0, **settings))
    cells.train(folder)
    with np.load(folder / "predictions.npz") as kept:
        assert {"test_own_head_logits_audio", "test_own_head_logits_visual"} <= set(kept)
        right = kept["test_own_head_logits_audio"].argmax(1) == kept["test_label"]
        assert right.mean() > 0.2, "an untrained head would be at chance, 0.1"
    first = next(r for r in small.log(folder) if r["kind"] == "step")
    assert first["loss"] == pytest.approx((1 + 2 * 4.0) * math.log(10), rel=0.1), "gamma times the sum over modalities"


def test_three_modalities_and_two_digits(tmp_path):
    chosen = {"third_modality": True, "task": "same_or_not"}
    folder = small.lay_out(tmp_path / "three", small.cell([{"frequency": {"modality": "text", "k": 2}}], dataset=chosen))
    cells.train(folder)
    header, *records = small.log(folder)
    assert header["modalities"] == ["audio", "visual", "text"]
    assert set(records[-1]["test"]["probe_acc"]) == {"audio", "visual", "text"}
    assert records[-1]["skipped_share"]["text"] == 0.5


def test_configs_in_a_folder_say_all(finished):
    config = json.loads((finished[0] / "config.json").read_text())
    assert config["train"]["lr"] == 0.05
    assert config["entries"][0] == {"kind": "frequency", "modality": "audio", "k": 3, "phase": 0, "rule": "one_in"}
