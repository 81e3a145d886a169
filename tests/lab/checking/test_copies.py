"""Copies between any splits, copies whose labels contradict, and no false alarm where samples hold little."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from asgml.lab.checking.check import check
from asgml.lab.checking.warnings import warnings
from asgml.lab.datasets import Data, Test, Train, Validation

SPLITS = ("train", "validation", "test")
KINDS = (Train, Validation, Test)


def made(shape: tuple[int, ...], *, whole: bool = False, sizes: tuple[int, ...] = (60, 30, 30)) -> Data:
    """Random numbers of a shape, whole ones from 0 to 9 or fractions; a third of each class."""
    rng = np.random.default_rng(0)
    parts = []
    for kind, n in zip(KINDS, sizes, strict=True):
        labels = np.arange(n) % 3
        x = rng.integers(0, 10, (n, *shape)) if whole else rng.normal(0, 1, (n, *shape)) + labels.reshape(-1, *[1] * len(shape))
        names = np.array([f"{kind.__name__}{i}" for i in range(n)])
        parts.append(kind({"x": x.astype(np.float32)}, labels, names, names))
    return Data(*parts, ("a", "b", "c"), "Made up.")


def said(data: Data) -> list[str]:
    return warnings(check("made", data))


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asgml.lab.checking.pictures.sheet", lambda samples, titles: b"")


@pytest.mark.parametrize("sizes", [(60, 30, 30), (24, 8, 8)])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("shape", [(1,), (2,)])
def test_single_numbers_and_pairs_alarm_nobody(shape: tuple[int, ...], whole: bool, sizes: tuple[int, ...]) -> None:
    assert said(made(shape, whole=whole, sizes=sizes)) == []


def test_numbers_that_correlate_by_chance_are_no_twins() -> None:
    assert said(made((3,))) == []


@pytest.mark.parametrize("shape", [(2,), (4,), (20,), (1, 8, 8)])
@pytest.mark.parametrize(
    ("before", "after"),
    [("train", "validation"), ("train", "test"), ("validation", "test"), ("train", "train"), ("test", "test")],
)
def test_copies_between_any_splits_are_found(before: str, after: str, shape: tuple[int, ...]) -> None:
    data = made(shape)
    of = {kind.__name__.lower(): kind.__name__ for kind in KINDS}
    getattr(data, after).inputs["x"][4] = getattr(data, before).inputs["x"][1]
    example = rf"(such as {of[after]}4 and {of[before]}1)"
    where = "an earlier one" if before == after else f"one of {before}"
    found = [words for words in said(data) if words.startswith("Copies")]
    assert found[0].startswith(f"Copies, {after}: 1 samples are equal to {where} in all modalities {example}")
    assert not found[1:], "their labels agree"


@pytest.mark.parametrize("after", SPLITS)
def test_copies_that_contradict_are_found(after: str) -> None:
    data = made((6,))
    getattr(data, after).inputs["x"][5] = data.train.inputs["x"][1]
    name = f"{after.capitalize()}5"
    assert (
        f"Copies that contradict: 1 samples have another label than an equal one, such as {name} (c) and Train1 (b)."
        in said(data)
    )


@pytest.mark.parametrize(
    ("task", "labels", "example"),
    [
        ("regression", lambda n: np.arange(n, dtype=np.float32) / 8, "Test5 (0.625) and Train1 (0.125)"),
        (
            "multilabel",
            lambda n: np.eye(3, dtype=np.int64)[np.arange(n) % 3] | np.array([1, 0, 0]),
            "Test5 (a + c) and Train1 (a + b)",
        ),
    ],
)
def test_labels_that_are_no_classes_contradict_too(task: str, labels: Any, example: str) -> None:
    data = made((6,))
    parts = {s: replace(getattr(data, s), labels=labels(len(getattr(data, s)))) for s in SPLITS}
    data = replace(data, **parts, task=task)
    data.test.inputs["x"][5] = data.train.inputs["x"][1]
    assert any(words.endswith(f"such as {example}.") for words in said(data))


def test_a_row_is_a_copy_only_where_all_of_it_is() -> None:
    data = made((20,))
    for s in SPLITS:
        part = getattr(data, s)
        part.inputs["y"] = part.inputs["x"] + 1
    data.test.inputs["x"][4] = data.train.inputs["x"][1]
    found = said(data)
    assert not [words for words in found if words.startswith("Copies")]
    assert "x: of 30 test samples 1 stand in training too, and of 30 compared 0 have a near twin there." in found


def test_a_modality_in_validation_and_test_is_found() -> None:
    data = made((20,))
    data.test.inputs["x"][4] = data.validation.inputs["x"][1]
    assert "x: of 30 test samples 1 stand in validation too, and of 30 compared 0 have a near twin there." in said(data)


def test_rows_that_lack_a_modality_are_compared_by_what_they_have() -> None:
    data = made((20,))
    for s in SPLITS:
        part = getattr(data, s)
        part.inputs["y"] = np.zeros((len(part), 20), np.float32)
        part.present["y"] = np.zeros(len(part), np.bool_)
        part.present["y"][:2] = True
        part.inputs["y"][:2] = np.arange(40).reshape(2, 20) + 100 * len(part.present) + SPLITS.index(s)
    data.test.inputs["x"][4] = data.train.inputs["x"][7]
    assert any(words.startswith("Copies, test: 1 samples are equal to one of train") for words in said(data))
