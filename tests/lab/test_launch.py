"""What becomes of cells when the process that forks them fails."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest
import torch

import small
from asgml.lab import engine, launch
from lab.sweeping import NURSERY, Sweep, Watch, alive, experiment, soon

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux alone")


def nurseries(of: Path) -> list[int]:
    """The processes that fork the cells of this folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it may end at any moment
            said = path.read_text().split("\0")
            found += [int(path.parent.name)] if str(NURSERY) in said and any(str(of) in word for word in said) else []
    return found


def test_without_a_nursery_cells_start_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = Sweep(tmp_path, forked=True)
    broken = launch.Launcher(at.command, [sys.executable, "-S", "-c", "raise OSError"])
    monkeypatch.setattr(at, "engine", lambda: broken)
    watch = Watch()
    at.run(experiment("good", "crash"), watch=watch)
    assert watch.endings() == {"good": "finished", "crash": "exit code 1: ran out"}


def test_a_nursery_that_is_killed_takes_its_cells_along_and_no_others(tmp_path: Path) -> None:
    at = Sweep(tmp_path, forked=True)

    def strike() -> None:
        if at.events == ["began hang/seed0"]:
            for pid in nurseries(tmp_path):
                os.kill(pid, signal.SIGKILL)

    watch = Watch(strike)
    at.run(experiment("hang", "good", "slow"), jobs=1, watch=watch)
    assert watch.endings() == {"hang": "killed by SIGKILL", "good": "finished", "slow": "finished"}
    assert not nurseries(tmp_path)


def test_nothing_is_left_of_it(tmp_path: Path) -> None:
    at = Sweep(tmp_path, forked=True)
    seen: list[int] = []
    at.run(experiment("slow"), watch=Watch(lambda: seen.extend(nurseries(tmp_path))))
    assert seen
    assert soon(lambda: not any(map(alive, seen)))


def test_one_number_of_threads_each(tmp_path: Path) -> None:
    launcher = launch.Launcher(Sweep(tmp_path).command, [sys.executable, "-S", str(NURSERY), str(tmp_path / "events")])
    assert soon(lambda: launcher.ready(1) and launcher.ready(2))
    assert len(set(nurseries(tmp_path))) == 2
    launcher.close()
    assert not nurseries(tmp_path)


def test_a_forked_cell_is_bit_for_bit_what_one_that_started_by_itself_is(tmp_path: Path) -> None:
    entries = [{"modality_dropout": {"p": 0.3}}, {"ogm_ge": {"alpha": 0.3}}]  # both draw random numbers
    forked, spawned = (small.lay_out(tmp_path / name, small.cell(entries)) for name in ("forked", "spawned"))
    launcher = launch.Launcher(engine.trial, launch.NURSERY)
    assert soon(lambda: launcher.ready(1), seconds=60)
    process = launcher.start(engine.Task(1, "forked", 0, forked, epochs=3))
    assert isinstance(process, launch.Forked)
    nursery = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[1]
    assert len(list(Path(f"/proc/{nursery}/task").iterdir())) == 1, "a fork takes no other thread along, only its locks"
    assert process.wait() == 0
    launcher.close()
    process = launch.Launcher(engine.trial).start(engine.Task(1, "spawned", 0, spawned, epochs=3))
    assert process.wait() == 0, (spawned / "log.txt").read_text()
    process.close()
    assert small.log(forked) == small.log(spawned)
    weights = [torch.load(f / "checkpoint.pt", weights_only=True)["trainer"]["model"] for f in (forked, spawned)]
    assert all(torch.equal(w, weights[1][name]) for name, w in weights[0].items())


def children(of: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{of}/task/{of}/children").read_text().split()]


@pytest.mark.parametrize("stopped", ["the cell", "the nursery", "both"])
def test_a_signal_ends_a_sweep_whose_processes_are_stopped(
    stopped: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is stopped hears no SIGTERM, and a nursery that is stopped tells nothing: neither may be waited for."""
    at = Sweep(tmp_path, forked=True)
    monkeypatch.setattr(launch, "PATIENCE", 0.3)
    seen: list[int] = []

    def strike() -> None:
        if at.events == ["began hang/seed0"] and not seen:
            (nursery,) = (pid for pid in nurseries(tmp_path) if children(pid))
            cells = children(nursery)
            seen.extend([nursery, *cells])
            for pid in {"the cell": cells, "the nursery": [nursery], "both": seen}[stopped]:
                os.kill(pid, signal.SIGSTOP)
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        at.run(experiment("hang", "good"), jobs=1, watch=Watch(strike))
    assert len(seen) == 2
    assert soon(lambda: not any(map(alive, seen)))
    assert not (at.out / "hang/seed0/result.json").exists()


def test_a_nursery_that_is_stopped_when_it_is_asked_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = Sweep(tmp_path, forked=True)
    monkeypatch.setattr(launch, "PATIENCE", 0.1)
    launcher = at.engine()
    monkeypatch.setattr(at, "engine", lambda: launcher)
    assert soon(lambda: launcher.ready(1))
    for pid in nurseries(tmp_path):
        os.kill(pid, signal.SIGSTOP)
    watch = Watch()
    at.run(experiment("good"), watch=watch)
    assert watch.endings() == {"good": "finished"}
