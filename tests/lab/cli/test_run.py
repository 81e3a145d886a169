"""`asgml run` and `asgml report`, with fake cells and a fake report: what comes before what, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asgml.lab import datasets, engines, store, sweep
from asgml.lab.cli import commands, main
from asgml.lab.errors import InputError
from lab.sweeping import CELL, Sweep, soon

SUMMARY = {
    "methods": {
        "baseline": {
            "n": 2,
            "failed": [],
            "test_accuracy": {"mean": 0.5, "sd": 0.0125},
            "test_f1_macro": {"mean": 0.45, "sd": None},
            "utilization_gap": {"avg": {"mean": 0.1, "sd": 0.02}, "final": {"mean": 0.9, "sd": 0.9}},
        },
        "lost": {"n": 0, "failed": [{"seed": 0, "reason": "crashed"}]},
    }
}


class World:
    """The lab with its slow parts taken out; `told` has what was asked of them, in order."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.sweep, self.told = folder, Sweep(folder), list[Any]()
        self.data_error: Exception | None = None
        self.report_error: Exception | None = None
        monkeypatch.chdir(folder)
        monkeypatch.setattr(datasets, "load", self.load)
        monkeypatch.setattr(engines, "make", lambda *words: self.sweep.engine())
        fake = SimpleNamespace(write=self.write, write_tensorboard=self.write)
        monkeypatch.setattr(commands, "_reports", lambda: fake)

    def load(self, settings: Any, seed: int) -> None:
        self.told.append(("data", seed))
        if self.data_error:
            raise self.data_error

    def write(self, what: Any, *, to: Path | None = None, epochs: Any = None) -> Any:
        self.told.append(("report", what, to, epochs))
        if self.report_error:
            raise self.report_error
        return SUMMARY

    def run(self, *methods: str, sets: tuple[str, ...] = ()) -> int:
        lines = "".join(f"  {m}: []\n" for m in methods)
        (self.folder / "mine.yaml").write_text(f"name: mine\nseeds: [4, 2]\nmethods:\n{lines}")
        return main(["run", "mine.yaml", "--jobs", "2", *(part for text in sets for part in ("--set", text))])


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_a_run_prepares_trains_and_reports(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.run("baseline", "good") == 0
    out = Path("outputs/mine")
    assert world.told == [("data", 4), ("data", 2), ("report", out, None, None)]
    assert len(list(out.glob("*/seed*/result.json"))) == 4
    said, wrong = capsys.readouterr()
    assert wrong == ""
    lines = said.splitlines()
    assert lines[0] == "mine: 4 cells, methods x seeds, 4 of them to train, 2 at once, in outputs/mine"
    assert sum("finished in" in line for line in lines) == 4
    assert lines[-3:] == [f"wrote {out / name}" for name in ("report.html", "analysis.md", "summary.json")]


def test_the_results_are_shown_in_short(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.run("baseline")
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["baseline", "2", "50.0", "±", "1.2", "45.0", "10.0", "±", "2.0"] in rows
    assert ["lost", "0", "(1", "failed)", "-", "-", "-"] in rows


def test_a_failed_cell_is_code_1_with_a_report(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.run("baseline", "crash") == 1
    assert world.told[-1] == ("report", Path("outputs/mine"), None, None)
    said = capsys.readouterr().out
    assert "crash seed 4 failed after" in said
    assert said.splitlines()[-1] == "2 of 4 cells failed; the same command runs them again"


def test_all_is_said_even_if_there_is_nothing_to_report(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.report_error = InputError("no cell has finished")
    assert world.run("crash") == 1
    assert capsys.readouterr().err == "asgml: error: no report: no cell has finished\n"
    assert world.run("good", sets=("name=other",)) == 2
    assert capsys.readouterr().err == "asgml: error: no cell has finished\n"


def test_data_that_cannot_be_read_stops_the_run_before_anything_is_written(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.data_error = InputError("0_ann_3.wav: is no WAV file")
    assert world.run("baseline") == 2
    assert capsys.readouterr().err == "asgml: error: 0_ann_3.wav: is no WAV file\n"
    assert world.told == [("data", 4)]
    assert not Path("outputs").exists()


def test_real_data_that_is_not_there_stops_the_run(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.run("baseline", sets=("dataset.name=avdigits", "dataset.root=nowhere")) == 2
    assert capsys.readouterr().err.startswith("asgml: error: `dataset.root`: must be a folder that can be read")
    assert world.told == []


def test_another_config_is_refused_before_data_is_read(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.run("baseline")
    world.told.clear()
    assert world.run("baseline", sets=("train.epochs=3", "seeds=[4, 9]")) == 2
    assert "was made by another config: `train.epochs` was 15 and is 3" in capsys.readouterr().err
    assert world.told == []


def test_only_seeds_with_something_to_train_are_read(world: World) -> None:
    world.run("baseline")
    world.told.clear()
    world.run("baseline", sets=("seeds=[2, 4, 9]",))
    assert world.told[:-1] == [("data", 9)]


@pytest.mark.parametrize("setting", ["dataset.seed=7", "dataset.import=json:loads"])
def test_data_that_is_the_same_for_all_seeds_or_not_cached_is_read_once(setting: str, world: World) -> None:
    world.run("baseline", sets=(setting,))
    assert world.told[:-1] == [("data", 4)]


def test_the_output_folder_may_be_given(world: World) -> None:
    world.run("baseline")
    assert main(["run", "mine.yaml", "--out", "else/where"]) == 0
    assert store.read_json(Path("else/where/baseline/seed4/result.json"))["status"] == "finished"
    assert world.told[-1] == ("report", Path("else/where"), None, None)


def test_jobs_are_by_default_the_cores_there_are_threads_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "usable_cores", lambda: 8)
    assert [commands.Where().most(threads) for threads in (1, 3, 16)] == [8, 2, 1]
    assert [commands.Where("dask", jobs=jobs).most(1) for jobs in (None, 5)] == [None, 5]
    assert commands.Where(jobs=5).most(3) == 5


def test_a_report_is_written_again(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "there", "--epochs", "1, 5,10"]) == 0
    assert world.told == [("report", Path("there"), None, (1, 5, 10))]
    assert "wrote there/report.html" in capsys.readouterr().out
    assert main(["report", "there", "--out", "here"]) == 0
    assert "wrote here/report.html" in capsys.readouterr().out


@pytest.mark.parametrize("line", ["--tensorboard a=x b=y=z --out o", "--tensorboard a=x --out o --tensorboard b=y=z"])
def test_folders_of_other_programs_have_names(line: str, world: World) -> None:
    assert main(["report", *line.split()]) == 0
    assert world.told == [("report", {"a": Path("x"), "b": Path("y=z")}, Path("o"), None)]


def test_a_bug_is_no_bad_input(world: World) -> None:
    world.data_error = ZeroDivisionError("a bug")
    with pytest.raises(ZeroDivisionError):
        world.run("baseline")


DRIVER = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from pathlib import Path
from lab.sweeping import Sweep
from asgml.lab import datasets, engines
from asgml.lab.cli import main
datasets.load = lambda settings, seed: None
engines.make = lambda *words: Sweep(Path.cwd()).engine()
sys.exit(main(["run", "mine.yaml", "--jobs", "2"]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_code_130_and_one_line(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\nseeds: [0]\nmethods: {good: [], hang: [], stubborn: []}\n")
    command = [sys.executable, "-c", DRIVER, str(CELL.parent.parent)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert soon(
            lambda: (tmp_path / "outputs/mine/stubborn/seed0/pid").exists() and "began hang/seed0" in Sweep(tmp_path).events
        )
        os.kill(process.pid, number)
        os.kill(process.pid, signal.SIGINT + signal.SIGTERM - number)  # the other one, for haste: one need not wait
        said, wrong = process.communicate(timeout=30)
    assert (process.returncode, wrong) == (130, "asgml: interrupted; the same command goes on from here\n")
    assert "good seed 0 finished" in said
    assert [p.parent.parent.name for p in (tmp_path / "outputs/mine").glob("*/*/result.json")] == ["good"]
    assert "\x1b" not in said
