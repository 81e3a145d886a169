"""New rows, as a user has them, get the answers that the same rows got in training: also where modalities lack."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import manifests
import small
from asgml.lab import datasets, load_model
from asgml.lab.errors import InputError
from asgml.lab.models.modal import Modal
from asgml.lab.training import cell as cells
from asgml.lab.training.evaluation import Samples
from asgml.lab.training.weights import TrainedModel

Made = tuple[Path, dict[str, dict[str, Any]]]


def numbers_and_words(folder: Path) -> Made:
    path = manifests.told(folder, lambda k: f"class {k}", n=40, lacking=0.4)
    return path, {row["id"]: row for row in map(json.loads, path.read_text().splitlines())}


def sounds_and_pictures(folder: Path) -> Made:
    path = manifests.clips(folder, n=20)
    rows = {f"clip{i}": {"id": f"clip{i}", "audio": f"media/{i}.wav", "visual": f"media/{i}.png"} for i in range(20)}
    return path, rows


def sequences(folder: Path) -> Made:
    rng = np.random.default_rng(0)
    for i in range(24):
        np.save(folder / f"{i}.npy", rng.normal(7, 3, (3 + i % 3, 4)).astype(np.float32))
        np.save(folder / f"v{i}.npy", rng.normal(-2, 9, 5).astype(np.float32))
    lists = [[f"r{i}", i % 2, f"{i}.npy" if i % 4 else "", f"v{i}.npy"] for i in range(24)]
    path = manifests.write(folder / "m.csv", ("id", "label", "steps", "vector"), lists)
    return path, {row[0]: dict(zip(("id", "label", "steps", "vector"), row, strict=True)) for row in lists}


def commas_and_spaces(folder: Path) -> Made:
    lists = [[f"r{i}", "ab"[i % 2], f" {i % 3},5{i % 7} ", f" go{' on' * (i % 2)}  "] for i in range(24)]
    names = ("id", "label", "amount", "words")
    return manifests.write(folder / "m.csv", names, lists), {row[0]: dict(zip(names, row, strict=True)) for row in lists}


KINDS: dict[str, Callable[[Path], Made]] = {
    f.__name__: f for f in (numbers_and_words, sounds_and_pictures, sequences, commas_and_spaces)
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, Path, dict[str, dict[str, Any]]]]:
    """Train a cell on a manifest once: its folder, the manifest's, and the rows by id."""
    done: dict[Any, Any] = {}

    def train(kind: str, *entries: Any) -> tuple[Path, Path, dict[str, dict[str, Any]]]:
        if (key := (kind, str(entries))) not in done:
            folder = tmp_path_factory.mktemp(kind)
            path, rows = KINDS[kind](folder)
            dataset = {"name": "manifest", "path": str(path)}
            cell = small.lay_out(folder / "cell", small.cell(list(entries), dataset=dataset, replace=True, epochs=1))
            cells.train(cell)
            done[key] = cell, folder, rows
        found: tuple[Path, Path, dict[str, dict[str, Any]]] = done[key]
        return found

    return train


def kept(cell: Path) -> tuple[list[str], np.ndarray[Any, Any]]:
    with np.load(cell / "predictions.npz") as file:
        return file["test_id"].tolist(), file["test_logits"]


@torch.no_grad()
def said(model: TrainedModel, *inputs: Any) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = model(*inputs).numpy()
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_raw_rows_get_the_answers_that_were_kept(trained: Any, kind: str) -> None:
    cell, folder, rows = trained(kind)
    model, (ids, logits) = load_model(cell), kept(cell)
    prepared = model.prepare([rows[i] for i in ids], folder)
    assert np.array_equal(said(model, prepared), logits)
    one = [said(model, model.prepare([rows[i]], str(folder)))[0] for i in ids]
    np.testing.assert_allclose(one, logits, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_splits_of_the_data_set_get_them_too(trained: Any, kind: str) -> None:
    cell, *_ = trained(kind)
    model, (_, logits) = load_model(cell), kept(cell)
    test = datasets.load(model.cell.dataset, model.cell.seed).test
    inputs, _ = Samples.of(test, tuple(test.inputs)).rows(slice(None))
    assert np.array_equal(said(model, inputs), logits)
    plain = {m: torch.from_numpy(np.asarray(x)) for m, x in test.inputs.items()}
    present = {m: torch.from_numpy(mask) for m, mask in test.present.items()}
    assert np.array_equal(said(model, Modal(plain, present)), logits)
    assert np.array_equal(said(model, plain, present), logits)
    if present:
        assert not np.array_equal(said(model, plain), logits), "without masks filler would count"


def test_a_modality_that_is_left_out_lacks_in_all_rows(trained: Any) -> None:
    cell, folder, rows = trained("sequences")
    model = load_model(cell)
    some = [{"vector": row["vector"]} for row in list(rows.values())[:3]]
    prepared = model.prepare(some, folder)
    assert not prepared.present["steps"].any()
    assert np.array_equal(said(model, {"vector": prepared["vector"]}), said(model, prepared))


def test_a_model_of_one_modality_takes_rows_of_all(trained: Any) -> None:
    cell, folder, rows = trained("sequences", {"alone": {"modality": "vector"}})
    model, (ids, logits) = load_model(cell), kept(cell)
    assert np.array_equal(said(model, model.prepare([rows[i] for i in ids], folder)), logits)


def test_arrays_and_numbers_may_be_given_as_they_are(trained: Any) -> None:
    cell, folder, rows = trained("sequences")
    model, row = load_model(cell), rows["r5"]
    loaded = {m: np.load(folder / row[m]) for m in ("steps", "vector")}
    assert np.array_equal(said(model, model.prepare([loaded])), said(model, model.prepare([row], folder)))


def test_numbers_of_rows_may_stand_in_a_row_as_in_the_data_set(trained: Any) -> None:
    cell, folder, rows = trained("sequences")
    model, row = load_model(cell), rows["r5"]
    numbered = {"": "5", "Unnamed: 0": 5, "index": "5"} | row
    assert np.array_equal(said(model, model.prepare([numbered], folder)), said(model, model.prepare([row], folder)))


WRONG = {
    "no row": ([], "rows: must be one or more"),
    "a wrong name": ([{"vectors": "v1.npy"}], r"rows\[0\]: 'vectors' is no modality of the data set; did you mean 'vector'"),
    "nothing": (
        [{"vector": "v1.npy"}, {"vector": " ", "steps": None}],
        r"rows\[1\]: must have one of steps, vector, found none",
    ),
    "no file": ([{"vector": "nowhere.npy"}], r"rows\[0\].vector: there is no file nowhere.npy"),
    "another shape": ([{"vector": np.zeros(4)}], r"must have the shape \(5,\), found \(4,\)"),
    "too long": ([{"steps": np.zeros((6, 4))}], r"must have the shape \(5, 4\) or fewer steps, found \(6, 4\)"),
    "not finite": ([{"vector": np.full(5, np.nan)}], "holds numbers that are infinite or none"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_row_is_named(trained: Any, what: str) -> None:
    cell, folder, _ = trained("sequences")
    rows, words = WRONG[what]
    with pytest.raises(InputError, match=words):
        load_model(cell).prepare(rows, folder)


@pytest.mark.parametrize(
    ("inputs", "present", "words"),
    [
        ({}, {}, "inputs: must have one of steps, vector"),
        ({"vector": torch.zeros(2, 5)}, {"vektor": torch.ones(2, dtype=torch.bool)}, "did you mean 'vector'"),
        ({"vector": torch.zeros(2, 5)}, {"vector": torch.ones(3, dtype=torch.bool)}, "must have the same number of rows"),
    ],
)
def test_wrong_inputs_are_refused_in_words(trained: Any, inputs: Any, present: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_model(trained("sequences")[0])(inputs, present)


def test_other_data_sets_say_that_they_cannot(tmp_path: Path) -> None:
    folder = small.lay_out(tmp_path / "cell", small.cell(epochs=1))
    cells.train(folder)
    with pytest.raises(
        InputError, match=r"prepare: needs a model that was trained on a manifest, .* found the data set keypad"
    ):
        load_model(folder).prepare([{"audio": "a.wav"}])
