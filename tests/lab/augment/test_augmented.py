"""Augmentation is a function of (seed, epoch, batch), touches training alone, and is refused where it does not fit."""

import pytest
import torch

import manifests
import small
from asgml.lab.augment import augmented
from asgml.lab.config.augment import Augment
from asgml.lab.errors import InputError
from asgml.lab.training import cell as cells
from asgml.lab.training import evaluation, loop

ALL = {
    "visual": {"crop": 0.5, "flip": 0.5, "colour": 0.2, "erase": 0.3},
    "audio": {"shift": 0.1, "noise": 0.1, "frequency_mask": 0.2, "time_mask": 0.2},
}


def batch():
    generator = torch.Generator().manual_seed(0)
    return {"audio": torch.randn(6, 1, 16, 16, generator=generator), "visual": torch.randn(6, 3, 8, 8, generator=generator)}


def test_the_same_purpose_gives_the_same_batch_and_another_another():
    how = Augment.model_validate(ALL)
    first = augmented(batch(), how, 0, 1, 0)
    torch.randn(3)
    again = augmented(batch(), how, 0, 1, 0)
    assert all(torch.equal(first[m], again[m]) for m in first)
    for other in [(1, 1, 0), (0, 2, 0), (0, 1, 1)]:
        assert not any(torch.equal(first[m], augmented(batch(), how, *other)[m]) for m in first)


def test_one_modality_does_not_redraw_the_other():
    both = augmented(batch(), Augment.model_validate(ALL), 0, 1, 0)
    alone = augmented(batch(), Augment.model_validate({"visual": ALL["visual"]}), 0, 1, 0)
    assert torch.equal(both["visual"], alone["visual"])
    assert alone["audio"] is not both["audio"]
    assert torch.equal(alone["audio"], batch()["audio"])


def test_settings_that_do_nothing_change_nothing():
    x = batch()
    assert all(torch.equal(x[m], y) for m, y in augmented(x, Augment.model_validate({m: {} for m in x}), 0, 1, 0).items())


def test_a_cell_trains_on_changed_samples_and_scores_plain_ones(tmp_path, monkeypatch):
    seen = {"train": [], "scored": []}
    step, encode = loop.Trainer.run_step, evaluation.encode

    def watched(self, inputs, targets, weight):
        seen["train"].append(inputs["visual"])
        return step(self, inputs, targets, weight)

    def scored(model, samples, objective=None):
        seen["scored"].append(samples.rows(slice(None))[0]["visual"])
        return encode(model, samples, objective)

    monkeypatch.setattr(loop.Trainer, "run_step", watched)
    monkeypatch.setattr(evaluation, "encode", scored)
    cells.train(small.lay_out(tmp_path / "cell", small.cell(epochs=1, augment=ALL)))
    plain = small.cell(epochs=1)
    _, samples, _ = cells.prepare(plain)
    known = {tuple(x.flatten().tolist()) for x in samples["train"].inputs["visual"]}
    assert not any(tuple(x.flatten().tolist()) in known for x in seen["train"][0])
    assert all(any(torch.equal(x, s.inputs["visual"]) for s in samples.values()) for x in seen["scored"])


def test_columns_of_a_manifest_are_changed_by_their_kind_or_their_name(tmp_path, monkeypatch):
    monkeypatch.setenv("ASGML_CACHE", str(tmp_path / "cache"))
    path = manifests.clips(
        tmp_path, n=20, header=("id", "label", "speech", "face"), noise=[f"{i / 7:.2f} 1" for i in range(20)]
    )
    seen = {}

    def watched(self, inputs, targets, weight):
        seen.update({m: x.clone() for m, x in inputs.items()})
        return step(self, inputs, targets, weight)

    step = loop.Trainer.run_step
    monkeypatch.setattr(loop.Trainer, "run_step", watched)
    found = {}
    for name, how in {
        "plain": None,
        "kind": {"visual": {"flip": 1}, "audio": {"noise": 1}},
        "name": {"face": {"flip": 1}},
    }.items():
        dataset = {"name": "manifest", "path": str(path), "audio_bands": 8, "image_size": 8}
        _, samples, trainer = cells.prepare(small.cell(dataset=dataset, replace=True, augment=how))
        trainer.run_epoch(samples["train"])
        found[name] = dict(seen)
    changed = {name: {m for m in seen if not torch.equal(found["plain"][m], found[name][m])} for name in ("kind", "name")}
    assert changed == {"kind": {"speech", "face"}, "name": {"face"}}
    assert torch.allclose(found["name"]["face"], found["plain"]["face"].flip(-1), atol=1e-5)


def test_what_does_not_fit_is_refused():
    from asgml.lab.augment import check

    with pytest.raises(InputError, match=r"`train.augment.visual`: does not fit samples of shape \(7,\); leave it out"):
        check({"visual": torch.zeros(2, 7)}, Augment.model_validate(ALL))


def test_resume_is_bit_identical_with_augmentation(tmp_path, monkeypatch):
    cell = small.cell(epochs=2, augment=ALL)
    cells.train(small.lay_out(tmp_path / "whole", cell))
    folder, save, calls = small.lay_out(tmp_path / "killed", cell), cells._save, []

    def kill(*args):
        save(*args)
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(cells, "_save", kill)
    with pytest.raises(KeyboardInterrupt):
        cells.train(folder)
    cells.train(folder)
    assert small.log(folder) == small.log(tmp_path / "whole")
