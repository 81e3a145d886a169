"""The grid: what is laid out, what runs again, what is refused."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from asgml.lab import store, sweep
from asgml.lab.cli import pace, progress
from asgml.lab.config import Cell, Experiment
from asgml.lab.datasets.settings import Keypad
from asgml.lab.engine import Task
from asgml.lab.errors import InputError
from asgml.lab.tasks.scoring import validation_score
from lab.sweeping import Sweep, Watch, experiment


@pytest.fixture
def at(tmp_path: Path) -> Sweep:
    return Sweep(tmp_path)


def test_every_cell_gets_its_config_and_runs_once(at: Sweep) -> None:
    wanted = experiment("baseline", "good", seeds=[3, 5])
    outcome = at.run(wanted)
    assert (outcome.cells, outcome.failed) == (4, ())
    for cell in wanted.cells():
        folder = store.cell_folder(at.out, cell.method, cell.seed)
        assert Cell.model_validate(store.read_json(folder / "config.json")) == cell
        assert store.read_json(folder / "result.json") == {"status": "finished", "best_epoch": 1}
    assert sorted(at.events) == sorted(f"began {m}/seed{s}" for m in ("baseline", "good") for s in (3, 5))


def test_the_resolved_experiment_is_written(at: Sweep) -> None:
    wanted = experiment("baseline", train={"epochs": 2})
    at.run(wanted)
    found = store.read_json(at.out / "experiment.json")
    assert Experiment.model_validate(found) == wanted
    assert found["train"]["lr"] == wanted.dataset.tuned["lr"]  # type: ignore[union-attr]


def test_aliases_are_written_as_people_write_them(at: Sweep) -> None:
    own = experiment("baseline", dataset={"import": "my.module:data", "n": 3})
    at.run(own)
    assert store.read_json(at.out / "experiment.json")["dataset"] == {"import": "my.module:data", "n": 3}
    assert store.read_json(at.out / "baseline/seed0/config.json")["dataset"] == {"import": "my.module:data", "n": 3}


def test_what_is_finished_is_left_alone(at: Sweep) -> None:
    at.run(experiment("baseline", "good"))
    before, watch = at.files(), Watch()
    outcome = at.run(experiment("baseline", "good"), watch=watch)
    assert watch.told == [("skipped", "baseline"), ("skipped", "good")]
    assert (at.files(), outcome.failed) == (before, ())


def test_what_failed_runs_again_without_its_old_record(at: Sweep) -> None:
    first = at.run(experiment("baseline", "once"))
    assert [task.method for task in first.failed] == ["once"]
    watch = Watch()
    assert at.run(experiment("baseline", "once"), watch=watch).failed == ()
    assert watch.told == [("skipped", "baseline"), ("started", "once"), ("ended", "once", "finished")]


def test_what_was_cut_short_runs_again(at: Sweep) -> None:
    at.run(experiment("baseline"))
    (at.out / "baseline/seed0/result.json").unlink()
    assert [laid.task.method for laid in sweep.unfinished(experiment("baseline", "good"), at.out)] == ["baseline", "good"]
    at.run(experiment("baseline"))
    assert at.events == ["began baseline/seed0"] * 2


def test_cells_start_seed_by_seed(at: Sweep) -> None:
    at.run(experiment("good_b", "good_a", seeds=[7, 2]), jobs=1)
    assert at.events == ["began good_b/seed7", "began good_a/seed7", "began good_b/seed2", "began good_a/seed2"]


def test_methods_and_seeds_of_an_earlier_run_stay_listed(at: Sweep) -> None:
    at.run(experiment("baseline", "good_a", seeds=[1]))
    at.run(experiment("good_b", seeds=[0]))
    found = store.read_json(at.out / "experiment.json")
    assert (list(found["methods"]), found["seeds"]) == (["baseline", "good_a", "good_b"], [0, 1])
    at.run(experiment("good_b", "good_a", "baseline", seeds=[0]), jobs=4)
    found = store.read_json(at.out / "experiment.json")
    assert (list(found["methods"]), found["seeds"]) == (["good_b", "good_a", "baseline"], [0, 1])


def test_more_or_fewer_methods_and_seeds_are_no_other_config(at: Sweep) -> None:
    at.run(experiment("baseline", "good_a", seeds=[0, 1]))
    watch = Watch()
    at.run(experiment("good_b", "baseline", seeds=[1, 2]), jobs=1, watch=watch)
    assert [told[:2] for told in watch.told if told[0] == "skipped"] == [("skipped", "baseline")]
    assert sorted(told[1] for told in watch.told if told[0] == "started") == ["baseline", "good_b", "good_b"]


FREQUENCY = {"baseline": [], "half": {"frequency": {"modality": "audio", "k": 2}}}
OTHERS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "training": ({"train": {"epochs": 3}}, ["`train.epochs` was 15 and is 3"]),
    "two settings": (
        {"train": {"epochs": 3}, "model": {"feature_dim": 8}},
        ["`model.feature_dim` was 64 and is 8; `train.epochs` was 15 and is 3"],
    ),
    "data": ({"dataset": {"name": "keypad", "snr_db": -3}}, [f"`dataset.snr_db` was {Keypad().snr_db} and is -3.0"]),
    "a setting more": (
        {"dataset": {"name": "keypad", "wrong_share": {"audio": 0.5}}},
        ["`dataset.wrong_share.audio` was not there and is 0.5"],
    ),
    "a method's setting": (
        {"methods": FREQUENCY | {"half": {"frequency": {"modality": "audio", "k": 3}}}},
        ["`methods.half.0.k` was 2 and is 3"],
    ),
    "a method's setting, for another seed": (
        {"methods": {"half": {"frequency": {"modality": "visual", "k": 2}}}, "seeds": [9]},
        ["`methods.half.0.modality` was 'audio' and is 'visual'"],
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_a_folder_of_another_config_is_refused_untouched(case: str, tmp_path: Path) -> None:
    at, changes = Sweep(tmp_path), OTHERS[case][0]
    plain = {"name": "mine", "methods": FREQUENCY, "seeds": [0]}
    for cell in Experiment.model_validate(plain).cells():
        folder = store.cell_folder(at.out, cell.method, cell.seed)
        folder.mkdir(parents=True)
        store.write_json(folder / "result.json", {"status": "finished"})
        store.write_json(folder / "config.json", cell.model_dump(mode="json", by_alias=True))
    store.write_json(at.out / "experiment.json", Experiment.model_validate(plain).model_dump(mode="json", by_alias=True))
    before = at.files()
    with pytest.raises(InputError) as caught:
        sweep.check(Experiment.model_validate(plain | changes), at.out)
    assert f"{at.out / 'experiment.json'} was made by another config: {OTHERS[case][1][0]}; give " in str(caught.value)
    assert f"(--set name=...) or another folder (--out), or remove {at.out}" in str(caught.value)
    with pytest.raises(InputError, match="another config"):
        at.run(Experiment.model_validate(plain | changes))
    assert {k: v for k, v in at.files().items() if k != ".lock"} == before
    assert at.events == []


def test_a_cell_of_another_config_is_refused_before_any_other_starts(at: Sweep) -> None:
    folder = at.out / "good/seed0"
    folder.mkdir(parents=True)
    other = experiment("good", train={"lr": 0.5}).cells()[0].model_dump(mode="json", by_alias=True)
    store.write_json(folder / "config.json", other)
    with pytest.raises(InputError) as caught:
        at.run(experiment("baseline", "good"))
    assert str(caught.value).startswith(
        f"{folder} was made by another config: `train.lr` was 0.5 and is {Keypad.tuned['lr']}; give"
    )
    assert at.events == []
    assert not (at.out / "baseline").exists()
    assert not (at.out / "experiment.json").exists()


def test_files_that_nothing_explains_are_refused(at: Sweep) -> None:
    (at.out / "good/seed0").mkdir(parents=True)
    (at.out / "good/seed0/.config.json.123").touch()  # what a kill leaves while the config is written
    sweep.check(experiment("good"), at.out)
    (at.out / "good/seed0/checkpoint.pt").touch()
    with pytest.raises(InputError, match=r"good/seed0 has files in it but no config.json"):
        at.run(experiment("good"))


def test_where_one_stands_is_no_part_of_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    at = Sweep(tmp_path)
    at.run(experiment("baseline", dataset={"name": "avdigits", "root": "recordings"}))
    sweep.check(experiment("baseline", dataset={"name": "avdigits", "root": str(tmp_path / "recordings")}), at.out)


def test_a_broken_record_is_named(at: Sweep) -> None:
    at.run(experiment("baseline"))
    (at.out / "baseline/seed0/config.json").write_text("{")
    with pytest.raises(InputError, match=r"config.json cannot be read \(.*\); remove it"):
        at.run(experiment("baseline"))


@pytest.mark.parametrize("text", ["[]", '"x"', "3", "null", "true"])
@pytest.mark.parametrize("name", ["baseline/seed0/config.json", "baseline/seed0/result.json", "experiment.json", "cells.json"])
def test_a_record_of_another_type_is_named(at: Sweep, name: str, text: str) -> None:
    at.run(experiment("baseline"))
    (at.out / name).write_text(text)
    with pytest.raises(InputError, match=r"cannot be read \(it must hold an object, found .*\); remove it"):
        at.run(experiment("baseline"))


@pytest.mark.parametrize("value", [{"methods": []}, {"seeds": ["x"]}, {"grid": {"train.lr": 3}}, {"tune": 3}, {"datasets": []}])
def test_an_experiment_with_records_of_another_type_is_named(at: Sweep, value: dict[str, Any]) -> None:
    at.run(experiment("baseline"))
    path = at.out / "experiment.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | value))
    with pytest.raises(InputError, match=r"experiment\.json is damaged: "):
        at.run(experiment("baseline"))


@pytest.mark.parametrize("said", [["x"], "x", {"epoch": "x"}, {"epoch": -3}, {"epoch": 10**30}, {"epoch": True}, {"best": "x"}])
def test_progress_that_makes_no_sense_is_no_progress(tmp_path: Path, said: Any) -> None:
    (tmp_path / "progress.json").write_text(json.dumps(said))
    assert pace.epoch(Task(1, "m", 0, tmp_path, 9)) in (0, 1, 9)
    assert progress.score(pace.progress(Task(1, "m", 0, tmp_path, 9)).get("best")) == ""
    assert validation_score(pace.progress(Task(1, "m", 0, tmp_path, 9))) is None


def test_two_sweeps_do_not_share_a_folder(at: Sweep) -> None:
    at.out.mkdir()
    with FileLock(at.out / ".lock"), pytest.raises(InputError, match="another run is at work in"):
        at.run(experiment("baseline"))
    assert at.events == []
    at.run(experiment("baseline"))


def test_a_folder_that_cannot_be_made_is_named(at: Sweep) -> None:
    at.out.write_text("a file is in the way")
    with pytest.raises(InputError, match=r"out cannot be made: File exists; choose another one with --out"):
        at.run(experiment("baseline"))


def test_a_folder_that_cannot_be_written_is_named(at: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(at.out / ".lock"))

    monkeypatch.setattr(sweep, "FileLock", denied)
    with pytest.raises(InputError, match=r"out/\.lock cannot be written to; choose another folder with --out"):
        at.run(experiment("baseline"))


def test_a_sweep_runs_outside_the_main_thread(at: Sweep) -> None:
    thread = threading.Thread(target=at.run, args=(experiment("baseline"),))
    thread.start()
    thread.join()
    assert store.read_json(at.out / "baseline/seed0/result.json")["status"] == "finished"


def test_the_number_of_cores_is_what_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 4, 6}, raising=False)
    assert sweep.usable_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert sweep.usable_cores() == 1


def test_the_union_is_json_as_it_was(at: Sweep) -> None:
    at.run(experiment("baseline"))
    text = (at.out / "experiment.json").read_text()
    at.run(experiment("baseline"))
    assert (at.out / "experiment.json").read_text() == text
    assert list(json.loads(text)) == ["name", "dataset", "model", "train", "seeds", "loggers", "keep", "methods"]
