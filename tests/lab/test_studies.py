"""Several data sets, points of a grid and tuning: what lies where, in which order it runs, and what runs again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asgml.lab import layout, store, sweep
from asgml.lab.config import Cell, Experiment, points
from asgml.lab.errors import InputError
from lab.sweeping import Sweep, Watch, experiment

TWO = {"easy": {"name": "keypad", "snr_db": 0}, "hard": {"name": "keypad"}}
TUNE = {"over": {"train.lr": [0.05, 0.1, 0.2]}, "seeds": [7, 8]}


@pytest.fixture
def at(tmp_path: Path) -> Sweep:
    return Sweep(tmp_path)


def folders(at: Sweep, name: str = "config.json") -> list[str]:
    return sorted(str(path.parent.relative_to(at.out)) for path in at.out.rglob(name))


def config(at: Sweep, folder: str) -> Cell:
    return Cell.model_validate(store.read_json(at.out / folder / "config.json"))


def test_data_sets_and_points_have_folders_and_one_engine_runs_them(at: Sweep) -> None:
    wanted = experiment("baseline", "good", datasets=TWO, grid={"train.lr": [0.1, 0.3]}, seeds=[3])
    watch = Watch()
    outcome = at.run(wanted, watch=watch)
    assert (outcome.cells, outcome.failed) == (8, ())
    places = [f"{d}/train.lr={lr}" for d in TWO for lr in (0.1, 0.3)]
    assert folders(at) == sorted(f"{place}/{method}/seed3" for place in places for method in ("baseline", "good"))
    assert config(at, "easy/train.lr=0.3/good/seed3").train.lr == 0.3
    assert config(at, "easy/train.lr=0.3/good/seed3").dataset.snr_db == 0  # type: ignore[union-attr]
    assert sum(told[0] == "started" for told in watch.told) == 8
    for point in points.of(wanted):
        found = store.read_json(at.out / point.folder / "experiment.json")
        assert Experiment.model_validate(found) == point.experiment
    assert Experiment.model_validate(store.read_json(at.out / "experiment.json")) == wanted
    numbers = [laid.task.number for laid in layout.cells(wanted, at.out)]
    assert numbers == list(range(1, 9))


def test_only_what_is_not_done_runs_again_wherever_it_is(at: Sweep) -> None:
    wanted = experiment("baseline", datasets=TWO, seeds=[0])
    at.run(wanted)
    (at.out / "hard/baseline/seed0/result.json").unlink()
    assert [laid.task.name for laid in sweep.unfinished(wanted, at.out)] == ["hard baseline"]
    watch = Watch()
    at.run(wanted, watch=watch)
    assert [told[0] for told in watch.told] == ["skipped", "started", "ended"]


def test_more_data_sets_and_values_are_no_other_config_and_stay_listed(at: Sweep) -> None:
    at.run(experiment("baseline", datasets={"easy": TWO["easy"]}, grid={"train.lr": [0.1]}))
    at.run(experiment("baseline", datasets={"hard": TWO["hard"]}, grid={"train.lr": [0.3]}))
    found = store.read_json(at.out / "experiment.json")
    assert (list(found["datasets"]), found["grid"]) == (["easy", "hard"], {"train.lr": [0.1, 0.3]})
    assert len(folders(at)) == 2


@pytest.mark.parametrize(
    ("first", "then", "words"),
    [
        (
            {"datasets": TWO},
            {"datasets": TWO | {"hard": {"name": "keypad", "snr_db": -3}}},
            "`dataset.snr_db` was -8.5 and is -3.0",
        ),
        ({"grid": {"train.lr": [0.1]}}, {"grid": {"train.momentum": [0.1]}}, "`grid.0` was 'train.lr' and is 'train.momentum'"),
        ({}, {"grid": {"train.lr": [0.1]}}, "`grid.0` was not there and is 'train.lr'"),
        ({"tune": TUNE}, {"tune": TUNE | {"seeds": [7]}}, "`tune.seeds.1` was 8 and is not there"),
        ({"primary": ["good"]}, {"primary": []}, "`primary.0.against` was 'baseline' and is not there"),
        ({}, {"primary": ["good"]}, "`primary.0.against` was not there and is 'baseline'"),
    ],
)
def test_another_study_is_refused(at: Sweep, first: dict[str, Any], then: dict[str, Any], words: str) -> None:
    wanted = experiment("baseline", "good", **first)
    at.out.mkdir()
    sweep._write_experiments(wanted, at.out)
    sweep.check(wanted, at.out)
    with pytest.raises(InputError) as caught:
        sweep.check(experiment("baseline", "good", **then), at.out)
    assert words in str(caught.value)


def test_each_method_runs_with_the_settings_that_its_trials_chose(at: Sweep) -> None:
    outcome = at.run(experiment("tuned_a", seeds=[0, 1], tune=TUNE))
    assert (outcome.cells, outcome.failed) == (3 * 2 + 2, ())
    trials = [f"tuning/train.lr={lr}/tuned_a/seed{s}" for lr in (0.05, 0.1, 0.2) for s in (7, 8)]
    assert folders(at) == sorted([*trials, "tuned_a/seed0", "tuned_a/seed1"])
    assert [config(at, t).train.lr for t in trials] == [0.05, 0.05, 0.1, 0.1, 0.2, 0.2]
    assert {config(at, t).train.look for t in trials} == {"chosen"}
    assert config(at, "tuned_a/seed0").train.lr == 0.1
    assert config(at, "tuned_a/seed0").train.look == "every_epoch"
    assert set(at.events[-2:]) == {"began tuned_a/seed0", "began tuned_a/seed1"}


def test_every_data_set_is_tuned_by_itself_and_all_trials_come_first(at: Sweep) -> None:
    at.run(experiment("tuned", datasets=TWO, tune=TUNE), jobs=1)
    assert [line.rpartition("/")[2] for line in at.events] == [f"seed{s}" for s in (7, 8) * 6] + ["seed0"] * 2
    for name in TWO:
        found = store.read_json(at.out / name / "tuning.json")
        assert found["methods"]["tuned"]["chosen"] == {"train.lr": 0.1}
    assert not (at.out / "tuning.json").exists()


def test_a_trial_that_diverged_is_worst_and_final_and_no_failure(at: Sweep) -> None:
    tune = {"over": {"train.lr": [0.4, 0.3, 0.1]}, "seeds": [7]}
    outcome = at.run(experiment("tuned", tune=tune))
    assert outcome.failed == ()
    found = store.read_json(at.out / "tuning.json")["methods"]["tuned"]
    assert [(t["validation_accuracy"], t["diverged"], t["missing"]) for t in found["trials"]][:2] == [(None, [7], [])] * 2
    assert found["chosen"] == {"train.lr": 0.1}
    assert found["edges"] == ["train.lr"]
    began = len(at.events)
    assert at.run(experiment("tuned", tune=tune)).failed == ()
    assert len(at.events) == began


def test_a_trial_that_crashed_keeps_its_method_waiting_and_runs_again(at: Sweep) -> None:
    tune = {"over": {"train.lr": [0.1, 0.2]}, "seeds": [7]}
    wanted = experiment("tuned", "large", tune=tune)
    outcome = at.run(wanted, jobs=1)
    assert [task.name for task in outcome.failed] == ["tuning/train.lr=0.2 large"]
    assert not (at.out / "large/seed0").exists()
    assert config(at, "tuned/seed0").train.lr == 0.1
    assert store.read_json(at.out / "tuning.json")["methods"]["large"]["chosen"] is None
    assert [laid.task.name for laid in sweep.unfinished(wanted, at.out)] == ["tuning/train.lr=0.2 large", "large"]
    for _ in range(3):
        outcome = at.run(wanted, jobs=1)
    assert outcome.failed == ()
    assert config(at, "large/seed0").train.lr == 0.2


def test_methods_that_are_added_are_tuned_too_and_the_others_keep_their_choice(at: Sweep) -> None:
    at.run(experiment("tuned_a", tune=TUNE))
    at.run(experiment("tuned_b", tune=TUNE))
    assert list(store.read_json(at.out / "tuning.json")["methods"]) == ["tuned_a", "tuned_b"]


def test_a_reported_cell_of_another_choice_is_refused(at: Sweep) -> None:
    """Trials that were removed and came out otherwise must not leave cells of two settings under one name."""
    at.run(experiment("tuned", tune=TUNE))
    result = at.out / "tuning/train.lr=0.2/tuned/seed7/result.json"
    result.write_text('{"status": "finished", "validation_accuracy": 9.0}')
    with pytest.raises(InputError, match=r"tuned/seed0 was made by another config: `train.lr` was 0.1 and is 0.2"):
        at.run(experiment("tuned", tune=TUNE))
