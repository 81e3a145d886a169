"""A folder that an earlier version wrote keeps its meaning where a default has changed since, and is not mixed with today's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asgml.lab import store, sweep
from asgml.lab.config import Cell, Experiment, address, earlier
from asgml.lab.errors import InputError


def experiment(**dataset: Any) -> Experiment:
    document = {"name": "mine", "dataset": {"name": "manifest", "path": "m.csv", **dataset}, "methods": {"a": []}, "seeds": [0]}
    return Experiment.model_validate(document).tuned()


def without(settings: dict[str, Any]) -> dict[str, Any]:
    dataset = {key: value for key, value in settings["dataset"].items() if key != "arrays"}
    return settings | {"dataset": dataset}


def dumped(model: Any) -> dict[str, Any]:
    found: dict[str, Any] = model.model_dump(mode="json", by_alias=True)
    return found


def test_a_cell_of_an_earlier_version_is_what_it_was() -> None:
    today = dumped(experiment().cells()[0])
    assert Cell.model_validate(today).dataset.arrays == "scaled"  # type: ignore[union-attr]
    old = without(today)
    assert Cell.model_validate(old).dataset.arrays == "as_they_are"  # type: ignore[union-attr]
    assert address.of(old) != address.of(today)
    keypad = dumped(Experiment.model_validate({"name": "k", "methods": {"a": []}}).tuned().cells()[0])
    assert dumped(Cell.model_validate(keypad)) == keypad
    assert earlier.filled(keypad) == keypad


@pytest.mark.parametrize("found", [None, [], "x", {"dataset": None}, {"dataset": {"name": []}}, {"datasets": {"a": 3}}])
def test_other_values_stay_as_they_are(found: Any) -> None:
    assert earlier.filled(found) == found


@pytest.mark.parametrize("what", ["experiment.json", "a/seed0/config.json"])
def test_its_folder_is_refused_in_words_that_name_the_way_on(tmp_path: Path, what: str) -> None:
    one = experiment()
    (tmp_path / "a/seed0").mkdir(parents=True)
    store.write_json(tmp_path / what, without(dumped(one if what == "experiment.json" else one.cells()[0])))
    with pytest.raises(InputError, match=r"was made by another config: `dataset.arrays` was 'as_they_are' and is 'scaled'"):
        sweep.check(one, tmp_path)
    sweep.check(experiment(arrays="as_they_are"), tmp_path)
