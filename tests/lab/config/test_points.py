"""What an experiment is at each of its data sets, points and trials; a plain one is what it was."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from asgml.lab.config import Experiment, points, study
from asgml.lab.config.load import load_experiment, validate
from asgml.lab.datasets.settings import Keypad
from asgml.lab.errors import InputError

PLAIN: dict[str, Any] = {"name": "mine", "methods": {"baseline": [], "half": {"frequency": {"modality": "audio", "k": 2}}}}
TWO = {"easy": {"name": "keypad", "snr_db": 0}, "hard": {"name": "keypad", "snr_db": -9}}


def test_a_plain_experiment_is_its_own_only_point() -> None:
    (point,) = points.of(validate(PLAIN))
    assert (point.folder, point.dataset, point.settings) == ("", None, {})
    assert point.experiment == validate(PLAIN)
    assert points.trials(point.experiment) == []
    assert list(point.experiment.model_dump()) == ["name", "dataset", "model", "train", "seeds", "loggers", "keep", "methods"]


def test_every_data_set_at_every_point_of_the_grid() -> None:
    found = points.of(validate(PLAIN | {"datasets": TWO, "grid": {"train.lr": [0.1, 0.2]}}))
    assert [p.folder for p in found] == [f"{d}/train.lr={lr}" for d, lr in itertools.product(TWO, (0.1, 0.2))]
    assert [(p.experiment.dataset, p.experiment.train.lr) for p in found] == [
        (Keypad(snr_db=snr), lr) for snr, lr in itertools.product((0, -9), (0.1, 0.2))
    ]
    assert {len(p.experiment.methods) for p in found} == {2}
    assert found[1].experiment.name == "mine.easy.train.lr-0.2"
    assert not any(p.experiment.several or p.experiment.primary for p in found)


def test_a_grid_may_go_into_a_method() -> None:
    found = points.of(validate(PLAIN | {"grid": {"methods.half.0.k": [2, 5]}}))
    assert [p.experiment.methods["half"][0].k for p in found] == [2, 5]  # type: ignore[union-attr]


def test_what_is_left_open_is_filled_in_at_each_point() -> None:
    whole = validate(PLAIN | {"datasets": TWO, "grid": {"train.weight_decay": [0, 0.1]}})
    assert (whole.train.lr, whole.train.weight_decay) == (None, None)
    assert {p.experiment.train.lr for p in points.of(whole)} == {Keypad.tuned["lr"]}


def test_a_study_loads_again_as_the_same() -> None:
    more = {"datasets": TWO, "grid": {"train.lr": [0.1]}, "primary": ["half"], "tune": {"over": {"model.feature_dim": [8, 16]}}}
    whole = validate(PLAIN | more)
    assert "dataset" not in whole.model_dump()
    assert Experiment.model_validate_json(whole.model_dump_json(by_alias=True)) == whole
    assert whole.primary[0].against == "baseline"


def test_trials_are_the_whole_grid_with_the_seeds_of_tuning() -> None:
    over = {"train.lr": [0.1, 0.2], "model.feature_dim": [8, 16, 32]}
    whole = validate(PLAIN | {"tune": {"over": over, "seeds": [7, 9]}, "primary": ["half"]})
    found = points.trials(points.of(whole)[0].experiment)
    assert [(t.experiment.train.lr, t.experiment.model.feature_dim) for t in found] == list(itertools.product(*over.values()))
    assert found[0].folder == "tuning/train.lr=0.1,model.feature_dim=8"
    assert {(t.experiment.seeds, t.experiment.train.look, t.experiment.tune) for t in found} == {((7, 9), "chosen", None)}
    assert {tuple(t.experiment.methods) for t in found} == {("baseline", "half")}


@pytest.mark.parametrize("value", ["a/b", "../..", "ä\n", "", 1e-5, -3, True, None, ["x", 1], {"audio": 0.5}])
def test_a_label_is_one_folder_s_name(value: Any) -> None:
    text = study.label({"train.a": value})
    assert text.isascii()
    assert text.startswith("train.a=")
    assert not {"/", " ", "\n"} & set(text)


def test_phase2_is_three_data_sets_with_one_budget() -> None:
    found = points.of(load_experiment("phase2"))
    assert [p.folder for p in found] == ["keypad", "keypad_sum", "keypad_three"]
    assert {len(points.trials(p.experiment)) for p in found} == {4}
    assert len(load_experiment("lr_question").grid["train.lr"]) == len(points.of(load_experiment("lr_question")))


MANY: dict[str, Any] = {f"train.{name}": [0.1 * n for n in range(1, 101)] for name in ("lr", "weight_decay", "unimodal_loss")}
SPACE = {"train.lr": {"low": 0.01, "high": 0.1}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"grid": MANY}, "`grid`: .* 10,000 points at most, found 1,000,000"),
        ({"tune": {"over": MANY, "seeds": [7]}}, "`tune`: .* 10,000 points at most, found 1,000,000"),
        ({"tune": {"space": SPACE, "trials": 10**9, "seeds": [7]}}, "`tune.trials`: must be less than or equal to 10000"),
        ({"tune": {"space": SPACE, "trials": 9000, "seeds": [7]}, "datasets": TWO}, "10,000 points at most, found 18,000"),
        ({"seeds": list(range(60_000))}, "`seeds`: .* 100,000 cells at most, found 120,000"),
        ({"tune": {"space": SPACE, "trials": 5000, "seeds": list(range(7, 70))}}, "100,000 cells at most, found 630,006"),
    ],
)
def test_more_points_or_cells_than_a_run_may_have_are_refused_before_they_are_laid_out(changes: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        validate(PLAIN | changes)


def test_as_many_cells_as_a_run_may_have_are_an_experiment() -> None:
    assert len(validate(PLAIN | {"seeds": list(range(50_000))}).seeds) == 50_000
