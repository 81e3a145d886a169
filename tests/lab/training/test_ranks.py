"""Cells that several processes train together: as one process would, cut short and gone on with, and how they fail."""

from __future__ import annotations

import math
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

import small
from asgml.lab import engine, launch, store, sweep
from asgml.lab.config import Experiment
from lab.sweeping import Watch, alive, soon

ENTRIES: list[dict[str, Any]] = [
    {"frequency": {"modality": "audio", "k": 2}},
    {"staleness": {"modality": "visual", "tau": 2}},
    {"unimodal_loss": {"gamma": 0.5}},
    {"ogm_ge": {"alpha": 0.3}},
]


def lay_out(folder: Path, processes: int, entries: list[dict[str, Any]] = ENTRIES, **train: Any) -> engine.Task:
    settings = {"epochs": 3, "batch_size": 31, "look": "chosen", "processes": processes} | train
    small.lay_out(folder, small.cell(entries, **settings))
    return engine.Task(1, "method", 0, folder, settings["epochs"], processes=processes)


def run(task: engine.Task) -> dict[str, Any]:
    child = launch.Launcher(engine.trial).start(task)
    child.wait()
    child.close()
    return store.read_json(task.folder / "result.json") or {"status": (task.folder / "log.txt").read_text()}


def near(found: Any, expected: Any, path: str = "") -> None:
    """Compare records: numbers within what another order of summing makes of them."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), path
        for key, value in expected.items():
            near(found[key], value, f"{path}.{key}")
    elif isinstance(expected, float):
        assert math.isclose(found, expected, rel_tol=1e-3, abs_tol=2e-4), (path, found, expected)
    else:
        assert found == expected, path


def test_two_processes_train_what_one_does_also_when_they_are_cut_short(tmp_path: Path) -> None:
    """100 rows in batches of 31: the shares are never of one size."""
    two, one = lay_out(tmp_path / "two", 2), lay_out(tmp_path / "one", 1)
    cut_short(two)
    result = store.read_json(two.folder / "result.json") or run(two)  # it may have been quicker than the kill
    assert result["status"] == "finished"
    assert small.run_here(one.folder) == 0
    ours, theirs = ([r for r in small.log(task.folder) if r["kind"] == "step"] for task in (two, one))
    assert any(r["skipped"] for r in theirs)
    assert len(ours) == len(theirs) == 3 * 4
    for mine, other in zip(ours, theirs, strict=True):
        near(mine, other)
    near(*({"flops": e["flops"], "samples": e["samples"]} for e in (epoch(two.folder), epoch(one.folder))))
    weights = [torch.load(t.folder / "checkpoint.pt", weights_only=True)["trainer"]["model"] for t in (two, one)]
    for name, weight in weights[0].items():
        torch.testing.assert_close(weight, weights[1][name], rtol=1e-3, atol=1e-4, msg=name)


def cut_short(task: engine.Task) -> None:
    """Kill what started the processes, after the first epoch: they end with it."""
    child = launch.Launcher(engine.trial).start(task)
    assert soon((task.folder / "progress.json").exists, 120)
    born = below(child.pid)
    assert len(born) == 2
    places = {place for pid in [child.pid, *born] for place in listening(pid)}
    assert places <= {"0100007F", "0" * 24 + "01000000"}, "they listen on 127.0.0.1 and ::1 alone"
    child.strike(signal.SIGKILL)
    child.wait()
    child.close()
    assert soon(lambda: not any(map(alive, born)))


def listening(pid: int) -> set[str]:
    """The addresses, in the system's hexadecimal, on which a process waits for others."""
    rows = [line.split() for kind in ("tcp", "tcp6") for line in Path(f"/proc/net/{kind}").read_text().splitlines()[1:]]
    places = {f"socket:[{row[9]}]": row[1].partition(":")[0] for row in rows if row[3] == "0A"}
    held = {os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir() if file.is_symlink()}
    return {place for socket, place in places.items() if socket in held}


OWN = """
import os, signal
def broken():
    if os.environ["RANK"] == "1": raise RuntimeError("no luck")
    import asgml
    return asgml.Recipe()
def gone():
    if os.environ["RANK"] == "1": os.kill(os.getpid(), signal.SIGKILL)
    import asgml
    return asgml.Recipe()
"""


@pytest.mark.parametrize(
    ("entry", "reason"),
    [({"import": "mine:broken"}, "RuntimeError: no luck"), ({"import": "mine:gone"}, "SIGKILL")],
)
def test_one_that_fails_ends_the_others_and_leaves_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: dict[str, Any], reason: str
) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    wanted = {"name": "mine", "dataset": small.DATASET, "train": {"epochs": 1, "processes": 2}, "seeds": [0]}
    experiment = Experiment.model_validate(wanted | {"methods": {"own": entry}}).tuned()
    watch = Watch()
    assert len(sweep.run(experiment, tmp_path / "out", 1, watch, launch.Launcher(engine.trial)).failed) == 1
    assert reason in watch.endings()["own"]


def test_without_the_others_it_says_how_to_start_it(tmp_path: Path) -> None:
    task = lay_out(tmp_path / "cell", 2)
    assert small.run_here(task.folder) == 1
    assert "`train.processes`: is 2, but 1 of them started" in store.read_json(task.folder / "result.json")["reason"]


def epoch(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = next(r for r in small.log(folder) if r["kind"] == "epoch")
    return found


def below(pid: int) -> list[int]:
    """The children of a process."""
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
