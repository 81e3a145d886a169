"""How cells end: well, badly, by force, and all at once."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from asgml.lab import engine, memory, store
from lab.sweeping import CELL, Sweep, Watch, alive, experiment, soon

FORKED = pytest.param(True, id="forked", marks=pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux alone"))


@pytest.fixture(params=[pytest.param(False, id="spawned"), FORKED])
def at(request: pytest.FixtureRequest, tmp_path: Path) -> Sweep:
    return Sweep(tmp_path, request.param)


REASONS = {
    "crash": "exit code 1: ran out",
    "silent": "exit code 3: it wrote nothing",
    "nothing": "exit code 0: said goodbye",
    "killed": "killed by SIGKILL",
    "own": "the loss is not finite",
}


def test_every_bad_end_is_recorded_and_stops_no_other(at: Sweep) -> None:
    watch = Watch()
    outcome = at.run(experiment(*REASONS, "good"), watch=watch)
    assert watch.endings() == REASONS | {"good": "finished"}
    assert sorted(task.method for task in outcome.failed) == sorted(REASONS)
    for method, reason in REASONS.items():
        assert store.read_json(at.out / method / "seed0/result.json") == {"status": "failed", "reason": reason}


def test_only_what_was_killed_from_outside_runs_again(at: Sweep) -> None:
    pid, cells = at.out / "victim/seed0/pid", experiment("good", "victim", "slow")

    def strike() -> None:
        if pid.exists() and pid.read_text() and alive(int(pid.read_text())):
            os.kill(int(pid.read_text()), signal.SIGKILL)

    watch = Watch(strike)
    assert [task.method for task in at.run(cells, watch=watch).failed] == ["victim"]
    assert watch.endings() == {"good": "finished", "victim": "killed by SIGKILL", "slow": "finished"}
    again = Watch()
    assert at.run(cells, watch=again).failed == ()
    assert again.told[:2] == [("skipped", "good"), ("skipped", "slow")]
    assert again.endings() == {"victim": "finished"}


def test_the_system_s_own_kill_for_want_of_memory_is_named(at: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    kills = itertools.count()
    monkeypatch.setattr(memory, "kills", lambda: next(kills))
    watch = Watch()
    at.run(experiment("killed", "crash"), jobs=1, watch=watch)
    assert watch.endings()["killed"] == "killed by SIGKILL, out of memory: the system ended it"
    assert watch.endings()["crash"] == "exit code 1: ran out"


def test_what_a_cell_says_is_kept_in_its_log(at: Sweep) -> None:
    at.run(experiment("crash"))
    log = (at.out / "crash/seed0/log.txt").read_text()
    assert log.startswith("a first line\nTraceback")
    at.run(experiment("crash"))
    assert (at.out / "crash/seed0/log.txt").read_text() == log * 2


def test_the_reason_is_of_this_attempt(at: Sweep) -> None:
    (at.out / "silent/seed0").mkdir(parents=True)
    at.run(experiment("silent"))
    (at.out / "silent/seed0/log.txt").write_text("what an earlier attempt said\n")
    watch = Watch()
    at.run(experiment("silent"), watch=watch)
    assert watch.endings() == {"silent": "exit code 3: it wrote nothing"}


@pytest.mark.parametrize("jobs", [1, 3])
def test_never_more_cells_at_once_than_jobs_and_no_fewer(jobs: int, at: Sweep) -> None:
    at.run(experiment("slow_a", "slow_b", "slow_c", seeds=[0, 1]), jobs=jobs)
    running, most = 0, 0
    for event in at.events:
        running += 1 if event.startswith("began") else -1
        most = max(most, running)
    assert (running, most) == (0, jobs)


def test_cells_have_the_threads_of_their_config(at: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    at.run(experiment("environment", train={"threads": 3}))
    log = (at.out / "environment/seed0/log.txt").read_text()
    assert log == '{"OMP_NUM_THREADS": "3", "MKL_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "3"}\n'


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_sweep_and_loses_nothing(number: signal.Signals, at: Sweep) -> None:
    def strike() -> None:
        if len(at.events) == 3:
            os.kill(os.getpid(), number)

    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    watch = Watch(strike)
    with pytest.raises(KeyboardInterrupt):
        at.run(experiment("good", "hang_a", "hang_b", "good_later"), jobs=2, watch=watch)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert watch.endings() == {"good": "finished"}
    assert store.read_json(at.out / "good/seed0/result.json")["status"] == "finished"
    assert not list(at.out.glob("hang_*/seed0/result.json"))
    assert "began good_later/seed0" not in at.events


def test_a_cell_that_is_ended_together_with_us_has_not_failed(at: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a machine shuts down: everything gets the signal at once."""
    pid, sleep = at.out / "stubborn/seed0/pid", time.sleep

    def doze(seconds: float) -> None:
        sleep(seconds)
        if pid.exists() and pid.read_text() and alive(int(pid.read_text())):
            os.kill(int(pid.read_text()), signal.SIGKILL)
            soon(lambda: not alive(int(pid.read_text())))
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(engine, "time", SimpleNamespace(sleep=doze, monotonic=time.monotonic))
    with pytest.raises(KeyboardInterrupt):
        at.run(experiment("stubborn"))
    assert not (at.out / "stubborn/seed0/result.json").exists()


def test_what_a_cell_has_started_ends_with_it(at: Sweep) -> None:
    pid = at.out / "parent/seed0/pid"

    def strike() -> None:
        if pid.exists() and pid.read_text():
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        at.run(experiment("parent"), watch=Watch(strike))
    assert soon(lambda: not alive(int(pid.read_text())))


@pytest.mark.parametrize("strikes", [1, 2])
def test_a_cell_that_ignores_the_signal_is_killed(strikes: int, at: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a grace, or at a second signal without one."""
    pid = at.out / "stubborn/seed0/pid"
    monkeypatch.setattr(engine, "GRACE", 0.3 if strikes == 1 else 1e9)

    def strike() -> None:
        if pid.exists() and pid.read_text():
            for _ in range(strikes):
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        at.run(experiment("stubborn"), watch=Watch(strike))
    assert not alive(int(pid.read_text()))
    assert not (at.out / "stubborn/seed0/result.json").exists()


def test_a_signal_that_is_ignored_stays_ignored(at: Sweep) -> None:
    def strike() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert at.run(experiment("slow"), watch=Watch(strike)).failed == ()
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_error_in_the_parent_leaves_no_children(at: Sweep) -> None:
    def strike() -> None:
        if at.events:
            raise RuntimeError("the screen broke")

    with pytest.raises(RuntimeError, match="the screen broke"):
        at.run(experiment("hang"), watch=Watch(strike))
    assert soon(lambda: not any(CELL.name in line and str(at.out) in line for line in _commands()))


def test_a_parent_that_is_killed_leaves_no_orphans(at: Sweep, tmp_path: Path) -> None:
    driver = tmp_path / "driver.py"
    driver.write_text(
        f"import sys; sys.path.insert(0, {str(CELL.parent.parent)!r})\n"
        "from pathlib import Path\nfrom lab.sweeping import Sweep, experiment\n"
        f"Sweep(Path({str(tmp_path)!r}), {at.forked}).run(experiment('hang_a', 'hang_b'))\n"
    )
    with subprocess.Popen([sys.executable, str(driver)]) as parent:
        assert soon(lambda: len(at.events) == 2)
        parent.kill()
    assert soon(lambda: len(at.events) == 4)
    assert sorted(at.events[2:]) == ["orphaned hang_a/seed0", "orphaned hang_b/seed0"]
    at.run(experiment("good"))  # the lock went with the parent


def test_ctrl_c_reaches_the_parent_alone(at: Sweep) -> None:
    """A cell in the terminal's process group would die of the key press before the parent could say anything."""
    at.run(experiment("good"))
    groups: list[int] = []

    def look() -> None:
        groups.extend(os.getpgid(int(p.read_text())) for p in at.out.glob("stubborn/seed0/pid") if p.read_text())
        if groups:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        at.run(experiment("stubborn"), watch=Watch(look))
    assert os.getpgid(0) not in groups


def test_the_command_trains_the_cell_and_dies_with_us(tmp_path: Path) -> None:
    assert engine.trial(tmp_path) == [sys.executable, "-m", "asgml.lab.trial", str(tmp_path), "--die-with-parent"]


def _commands() -> list[str]:
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=False)
    return found.stdout.splitlines()
