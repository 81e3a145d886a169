"""The chosen epoch's model, loaded from one file: what it says is what was kept, bit for bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

import asgml.lab
import small
from asgml.lab import datasets
from asgml.lab.config import Model
from asgml.lab.errors import InputError
from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.training import cell as cells
from asgml.lab.training import weights, weights_file
from asgml.lab.training.device import Mixed
from asgml.lab.training.evaluation import Samples

CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "an answer in the fusion's place, looked at afterwards": {"entries": [{"solo_sum": {}}], "look": "chosen"},
    "own heads": {"entries": [{"dgl": {}}]},
    "one modality": {"entries": [{"alone": {"modality": "visual"}}]},
    "text": {"dataset": {"third_modality": True}},
}


@pytest.mark.parametrize("case", CASES)
def test_the_loaded_model_says_what_was_kept(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = small.cell(**CASES[case], epochs=1)
    folder = small.lay_out(tmp_path / "cell", wanted)
    cells.train(folder)
    data = datasets.load(wanted.dataset, wanted.seed)
    monkeypatch.setattr(datasets, "load", None)  # no data is read
    model = asgml.lab.load_model(folder)
    assert (model.cell, model.classes, model.training) == (wanted, data.classes, False)
    with np.load(folder / "predictions.npz") as kept, torch.no_grad():
        for split in ("validation", "test"):
            inputs, _ = Samples.of(getattr(data, split), data.modalities).rows(slice(None))
            assert np.array_equal(model(inputs).numpy(), kept[f"{split}_logits"])


def test_without_it_one_line_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"found none in .*; `keep: best` writes it"):
        asgml.lab.load_model(str(tmp_path))


def test_mixed_precision_leaves_no_mark_in_the_names() -> None:
    model = LateFusion({"audio": torch.zeros(1, 1, 8, 8), "visual": torch.zeros(1, 1, 8, 8)}, Model(feature_dim=4), 3, 0)
    names = list(model.state_dict())
    model.encoders["audio"] = Mixed(model.encoders["audio"], "cpu")
    assert list(model.state_dict()) != names
    assert list(weights._unmixed(model)) == names


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file of weights as a cell leaves it."""
    folder = small.lay_out(tmp_path_factory.mktemp("cells") / "cell", small.cell(epochs=1, model={"feature_dim": 2}))
    cells.train(folder)
    return (folder / "model.safetensors").read_bytes()


def put(folder: Path, data: bytes) -> Path:
    (folder / "model.safetensors").write_bytes(data)
    return folder


def state(folder: Path) -> dict[str, torch.Tensor]:
    return asgml.lab.load_model(folder).state_dict()


def test_a_flipped_bit_is_refused_or_changes_nothing(kept: bytes, tmp_path: Path) -> None:
    good, header = state(put(tmp_path, kept)), 8 + int.from_bytes(kept[:8], "little")
    places = [*range(3, header, 61), *range(header, len(kept), 3001), len(kept) - 1]
    for at in places:
        put(tmp_path, kept[:at] + bytes([kept[at] ^ 0x40]) + kept[at + 1 :])
        found, said = tried(tmp_path)
        assert (found is None) == (f"{tmp_path / 'model.safetensors'} is damaged: it" in said)
        if found is not None:
            assert at < header
            assert all(torch.equal(found[name], x) for name, x in good.items())


def tried(folder: Path) -> tuple[dict[str, torch.Tensor] | None, str]:
    try:
        return state(folder), ""
    except InputError as error:
        return None, str(error)


@pytest.mark.parametrize("what", ["empty", "cut", "text", "others"])
def test_what_is_no_file_of_weights_is_refused_in_words(kept: bytes, tmp_path: Path, what: str) -> None:
    data = {"empty": b"", "cut": kept[:-9], "text": b"version https://git-lfs.github.com/spec/v1\n"}.get(what)
    if data is None:
        data = weights_file.safetensors.torch.save({"a": torch.zeros(2)}, {"format": "pt"})
    with pytest.raises(InputError, match="is damaged: it is cut off, or no file that asgml wrote; copy it anew, or remove"):
        asgml.lab.load_model(put(tmp_path, data))


@pytest.mark.parametrize("without_sum", [True, False])
def test_a_file_of_an_earlier_version_is_read(kept: bytes, tmp_path: Path, without_sum: bool) -> None:
    good = state(put(tmp_path, kept))
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        metadata, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    assert set(metadata) == {"asgml", "sha256"}
    if without_sum:
        del metadata["sha256"]
        put(tmp_path, weights_file.safetensors.torch.save(tensors, metadata))
    assert all(torch.equal(state(tmp_path)[name], x) for name, x in good.items())


@pytest.mark.parametrize(
    "change",
    [
        {"config": {}},
        {"config": "x"},
        {"samples": {"audio": ["load", [1]]}},
        {"samples": {"audio": ["nothing_of_torch", [1]]}},
        {"samples": {}},
        {"size": "x"},
        {"modalities": None},
    ],
)
def test_metadata_that_do_not_fit_are_refused_in_words(kept: bytes, tmp_path: Path, change: dict[str, Any]) -> None:
    with safe_open(put(tmp_path, kept) / "model.safetensors", "pt") as file:
        about = json.loads(file.metadata()["asgml"]) | change
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    weights_file.write(tmp_path / "model.safetensors", tensors, about)
    with pytest.raises(InputError, match="does not fit together, or another version of asgml wrote it"):
        asgml.lab.load_model(tmp_path)


def test_weights_that_training_started_from_need_not_be_there_any_more() -> None:
    cell = small.cell(model={"encoders": {"visual": {"resnet18": {"weights": "/nowhere/r18.pth"}}}})
    assert cell.model.encoders["visual"].weights == Path("/nowhere/r18.pth")
    assert weights._without_start(cell).model.encoders["visual"].weights is None
