"""A modality that does not exist is refused wherever one may be named, for one's own data too, before anything runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

import manifests
from asgml.lab import sweep
from asgml.lab.cli import running
from asgml.lab.cli.commands import Where
from asgml.lab.config.augment import Augment
from asgml.lab.config.load import validate
from asgml.lab.errors import InputError

NAMED = {
    "a method's": {"methods": {"s": {"frequency": {"modality": "sond", "k": 2}}}},
    "a later entry's": {"methods": {"s": [{"frozen": {"modality": "sound"}}, {"frozen": {"modality": "sond"}}]}},
    "alone": {"methods": {"s": {"alone": {"modality": "sond"}}}},
    "dropout": {"methods": {"s": {"modality_dropout": {"modality": "sond", "p": 0.1}}}},
    "a learning rate's": {"methods": {"s": {"learning_rate": {"modality": "sond", "factor": 2}}}},
    "noise": {"methods": {"s": {"noise": {"modality": "sond"}}}},
    "an encoder's": {"model": {"encoders": {"sond": "mlp"}}},
    "a fusion's": {"model": {"fusion": {"film": {"conditioned": "sond"}}}},
    "a change": {"train": {"augment": {"sond": {"noise": 0.1}}}},
    "a grid's": {"grid": {"model.fusion.film.conditioned": ["sound", "sond"]}, "model": {"fusion": "film"}},
    "a trial's": {"tune": {"over": {"model.fusion.film.conditioned": ["sound", "sond"]}}, "model": {"fusion": "film"}},
    "a drawn trial's": {
        "tune": {"space": {"model.fusion.film.conditioned": ["sound", "sond"]}, "trials": 2},
        "model": {"fusion": "film"},
    },
}
HINT = "found 'sond'; did you mean 'sound'"
OWN = """
import numpy as np
from asgml.lab.datasets import Data, Test, Train, Validation

def part(kind):
    x = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    names = np.array([f"{kind.__name__}{i}" for i in range(8)])
    return kind({"sound": x, "lidar": x}, np.arange(8) % 2, names, names)

def make(seed):
    return Data(part(Train), part(Validation), part(Test), ("a", "b"), "made here")
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A manifest of a column of files of sound, one of numbers and one of words; nothing reads the files."""
    rows = [[f"r{i}", i % 2, f"{i}.wav", f"{i};{i + 1}.5", f"some words {i}", f"{i}.png"] for i in range(6)]
    return manifests.write(tmp_path / "mine.csv", ["id", "label", "sound", "numbers", "words", "face"], rows)


def document(dataset: dict[str, object], changes: dict[str, object]) -> dict[str, object]:
    return {"name": "mine", "dataset": dataset, "methods": {"baseline": []}} | changes


def of_table(path: Path, changes: dict[str, object]) -> None:
    running.check(validate(document({"name": "manifest", "path": str(path)}, changes)))


@pytest.mark.parametrize("changes", NAMED.values(), ids=NAMED.keys())
def test_of_a_manifest(table: Path, changes: dict[str, object]) -> None:
    with pytest.raises(InputError, match=HINT):
        of_table(table, changes)


@pytest.mark.parametrize("changes", [NAMED[key] for key in ("a method's", "alone", "an encoder's", "a fusion's", "a change")])
def test_of_a_data_set_of_ones_own_before_a_cell_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object]
) -> None:
    (tmp_path / "own_sounds.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sweep, "run", lambda *_: pytest.fail("a cell must not train"))
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(document({"import": "own_sounds:make"}, changes)))
    with pytest.raises(InputError, match=HINT):
        running.run(str(file), (), tmp_path / "out", Where(jobs=1), (), quiet=True)
    sys.modules.pop("own_sounds", None)


def test_arrays_that_cannot_be_changed_are_refused_before_a_cell_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_sounds.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sweep, "run", lambda *_: pytest.fail("a cell must not train"))
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(document({"import": "own_sounds:make"}, {"train": {"augment": {"lidar": {"noise": 1}}}})))
    with pytest.raises(InputError, match=r"`train.augment.lidar`: does not fit samples of shape \(4,\)"):
        running.run(str(file), (), tmp_path / "out", Where(jobs=1), (), quiet=True)
    sys.modules.pop("own_sounds", None)


def test_the_choice_is_the_manifests_columns(table: Path) -> None:
    words = "`model.encoders.zz`: must be a modality of mine.csv, found 'zz'; choose from face, numbers, sound, words"
    with pytest.raises(InputError, match=words):
        of_table(table, {"model": {"encoders": {"zz": "mlp"}}})


@pytest.mark.parametrize(
    ("augment", "words"),
    [
        ({"zz": {"noise": 0.1}}, "found 'zz'; choose from audio, face, sound, visual$"),
        ({"words": {"noise": 0.1}}, "changes sounds alone, found 'words', which holds text; leave it out"),
        ({"face": {"noise": 0.1}}, "changes sounds alone, found 'face', which holds image"),
        ({"sound": {"flip": 0.5}}, "changes pictures and films alone, found 'sound', which holds audio"),
        ({"sound": {"pich": 0.5}}, "`train.augment.sound`: unknown setting 'pich'; choose from colour, crop, .*time_mask"),
        ({"sound": {"flip": 0.5, "noise": 1}}, "must have settings of pictures .* or of sounds .* found flip, noise"),
        ({"sound": {}}, "found none"),
        (
            {"audio": {"pich": 0.5}},
            "`train.augment.audio.pich`: unknown setting; choose from frequency_mask, noise, shift, time_",
        ),
        ({"audio": {"noise": "much"}}, "`train.augment.audio.noise`: must be a number, found 'much'"),
        ({"sound": {"noise": "much"}}, "`train.augment.sound.noise`: must be a number, found 'much'"),
        ({"sound": 3}, "`train.augment.sound"),
    ],
)
def test_augmentation_that_nothing_can_take(table: Path, augment: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        of_table(table, {"train": {"augment": augment}})


def test_augmentation_of_a_kind_that_the_data_have_not() -> None:
    with pytest.raises(InputError, match=r"`train.augment.audio`: .*of food101 .*found 'audio'; choose from visual"):
        validate(document({"name": "food101", "root": "somewhere"}, {"train": {"augment": {"audio": {"noise": 0.1}}}}))


@pytest.mark.parametrize(
    "augment",
    [{"sound": {"noise": 0.1}}, {"audio": {"noise": 0.1}}, {"visual": {"flip": 0.5}, "sound": {"shift": 0.1}}, {"face": None}],
)
def test_augmentation_by_column_or_by_kind_is_taken(table: Path, augment: dict[str, object]) -> None:
    of_table(table, {"train": {"augment": augment}})


def test_a_columns_own_settings_go_before_its_kinds() -> None:
    how = Augment.model_validate({"audio": {"noise": 0.1}, "speech": {"shift": 0.2}, "visual": {"flip": 0.5}})
    kinds = {"speech": "audio", "music": "audio", "face": "video", "words": "text"}
    found = how.of(kinds)
    assert {m: settings.model_dump(exclude_defaults=True) for m, settings in found.items()} == {
        "speech": {"shift": 0.2},
        "music": {"noise": 0.1},
        "face": {"flip": 0.5},
    }
    assert Augment.model_validate(how.model_dump(mode="json")) == how


def test_a_wrong_share_of_a_modality_that_is_off_names_the_way_out() -> None:
    with pytest.raises(
        InputError, match=r"`dataset.wrong_share`: 'text' must be a modality .* set dataset.third_modality: true"
    ):
        running.check(validate(document({"name": "keypad", "wrong_share": {"text": 0.1}}, {})))
