from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from asgml.lab.errors import InputError
from asgml.lab.report import compare
from lab.report import logs

PROBES = {"audio": [0.5, 0.6], "visual": [0.3, 0.4]}


def experiment(folder: Path, accuracies: dict[int, float], *, dataset: dict[str, Any] | None = None, lr: float = 0.05,
               note: str = "Split by image, paired at random.") -> Path:  # fmt: skip
    logs.write_experiment(
        folder, {"baseline": []}, list(accuracies), train={"lr": lr}, **({"dataset": dataset} if dataset else {})
    )
    for seed, accuracy in accuracies.items():
        logs.write_cell(folder, "baseline", seed, logs.records(PROBES, [0.1, accuracy], note=note))
    return folder


def test_the_same_data_and_seeds_are_paired(tmp_path: Path) -> None:
    a = experiment(tmp_path / "a", {0: 0.5, 1: 0.6, 2: 0.7})
    b = experiment(tmp_path / "b", {0: 0.51, 1: 0.62, 2: 0.73}, lr=0.1)
    text = compare.text([a, b])
    assert logs.table(text, "Method", "a", "b")["baseline"] == {
        "Method": "baseline", "a": "60.00% ± 10.00 (n=3)", "b": "62.00% ± 11.00 (n=3)",
    }  # fmt: skip
    found = logs.table(text, "Method", "Difference in accuracy")["baseline"]
    assert (found["Difference in accuracy"], found["Pairs"]) == ("+2.00 points", "3")
    assert "train.lr is 0.05 and 0.1." in text
    assert "Attention" not in text


def test_other_seeds_are_said_and_only_the_shared_ones_paired(tmp_path: Path) -> None:
    a, b = experiment(tmp_path / "a", {0: 0.5, 1: 0.6}), experiment(tmp_path / "b", {1: 0.5, 2: 0.6})
    text = compare.text([a, b])
    assert "a and b have different seeds: 0 and 1, and 1 and 2." in text
    assert logs.table(text, "Method", "Pairs")["baseline"]["Pairs"] == "1"


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"dataset": {"name": "keypad", "snr_db": -3.0}}, "dataset.snr_db is -10.0 and -3.0"),
        ({"note": "Split by speaker."}, "logged.note is Split by image, paired at random. and Split by speaker."),
    ],
)
def test_other_data_or_splits_are_marked_and_never_subtracted(tmp_path: Path, other: dict[str, Any], words: str) -> None:
    a, b = experiment(tmp_path / "a", {0: 0.5, 1: 0.6}), experiment(tmp_path / "b", {0: 0.6, 1: 0.7}, **other)
    text = compare.text([a, b]).replace("\\", "")
    assert f"a and b are not on the same data or split: {words}." in text
    assert "No difference is shown: the data or their split differ" in text
    assert "Difference in accuracy" not in text


def test_files_and_names(tmp_path: Path) -> None:
    a, b = experiment(tmp_path / "x" / "<b>", {0: 0.5}), experiment(tmp_path / "y" / "<b>", {0: 0.6})
    written = compare.write([a, b], tmp_path / "out")
    assert [path.name for path in written] == list(compare.FILES)
    names = [one["name"] for one in json.loads(written[2].read_text())["experiments"]]
    assert names == [str(a), str(b)]
    assert "<b>" not in written[1].read_text()


def test_one_is_no_comparison(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="compare: must be given two experiments or more, found 1"):
        compare.text([experiment(tmp_path / "a", {0: 0.5})])
