"""A cell is found by a hash of its config, and no result or checkpoint of another config is taken for its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import small
from asgml.lab import store
from asgml.lab.config import Cell, address
from asgml.lab.errors import InputError
from lab.sweeping import Sweep, Watch, experiment


@pytest.fixture
def at(tmp_path: Path) -> Sweep:
    return Sweep(tmp_path)


def test_every_setting_is_in_the_address_and_nothing_else() -> None:
    cell = small.cell(seed=1)
    config = cell.model_dump(mode="json", by_alias=True)
    assert cell.address == address.of(dict(reversed(config.items()))) == address.of(json.loads(json.dumps(config)))
    assert cell.model_copy(update={"loggers": (), "keep": "none"}).address == cell.address
    half = {"frequency": {"modality": "audio", "k": 2}}
    others = [small.cell(seed=2), small.cell(seed=1, lr=0.1), small.cell([half], seed=1),
              small.cell(seed=1, dataset={"snr_db": 1.0}), small.cell(seed=1, model={"feature_dim": 9})]  # fmt: skip
    assert len({cell.address, *(other.address for other in others)}) == 6


def test_cells_are_listed_by_address_those_of_earlier_runs_too(at: Sweep) -> None:
    at.run(experiment("good_a"))
    at.run(experiment("good_b"))
    found = store.read_json(at.out / "cells.json")
    assert sorted(found.values()) == ["good_a/seed0", "good_b/seed0"]
    for key, folder in found.items():
        assert Cell.model_validate(store.read_json(at.out / folder / "config.json")).address == key


def test_a_result_of_another_config_is_not_taken(at: Sweep) -> None:
    at.run(experiment("good"))
    path, watch = at.out / "good/seed0/result.json", Watch()
    store.write_json(path, store.read_json(path) | {"config": "0123456789abcdef"})
    at.run(experiment("good"), watch=watch)
    assert watch.told == [("started", "good"), ("ended", "good", "finished")]


def test_a_setting_that_is_new_since_does_not_refuse_what_an_earlier_version_made(at: Sweep) -> None:
    at.run(experiment("good"))
    config = at.out / "good/seed0/config.json"
    for path in (config, at.out / "experiment.json"):
        found = store.read_json(path)
        del found["train"]["look"], found["keep"], found["loggers"]
        store.write_json(path, found)
    result = at.out / "good/seed0/result.json"
    store.write_json(result, store.read_json(result) | {"config": address.of(store.read_json(config))})
    watch = Watch()
    at.run(experiment("good"), watch=watch)
    assert watch.told == [("skipped", "good")]
    with pytest.raises(InputError, match=r"`train.look` was 'every_epoch' and is 'chosen'"):
        at.run(experiment("good", train={"look": "chosen"}))


def test_what_is_kept_may_change_in_a_folder(at: Sweep) -> None:
    at.run(experiment("crash", "good"))
    before = store.read_json(at.out / "crash/seed0/config.json")
    at.run(experiment("crash", "good", keep="none", loggers=[]))
    assert store.read_json(at.out / "crash/seed0/config.json") == before | {"keep": "none", "loggers": []}


def test_a_checkpoint_of_another_config_is_refused(tmp_path: Path) -> None:
    from asgml.lab.training import cell as cells

    folder = small.lay_out(tmp_path / "cell", small.cell(epochs=1))
    cells.train(folder)
    store.write_json(folder / "config.json", small.cell(epochs=2).model_dump(mode="json", by_alias=True))
    with pytest.raises(InputError, match=r"checkpoint.pt was made by another config"):
        cells.train(folder)
