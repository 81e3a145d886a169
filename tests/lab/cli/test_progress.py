"""What a sweep shows: plain lines in a pipe, a table that redraws itself at a terminal."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from asgml.lab import store
from asgml.lab.cli import live, pace
from asgml.lab.cli.live import Live
from asgml.lab.cli.progress import Lines, duration, show
from asgml.lab.engine import Task


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(live, "time", clock)
    monkeypatch.setattr(pace, "time", clock)
    return clock


def task(tmp_path: Path, number: int, epoch: int = 0, score: float | None = None) -> Task:
    made = Task(number, f"method_{number}", 4, tmp_path / f"method_{number}", epochs=10)
    made.folder.mkdir(exist_ok=True)
    at(made, epoch, score)
    return made


def at(task: Task, epoch: int, score: float | None = None) -> None:
    if epoch:
        store.write_json(task.folder / "progress.json", {"epoch": epoch, "epochs": 10, "validation_accuracy": score})


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", text)


DURATIONS = {
    0.2: "0 s",
    12.4: "12 s",
    59.6: "1 min 0 s",
    200: "3 min 20 s",
    3600: "1 h 0 min",
    7500: "2 h 5 min",
    90_000: "25 h 0 min",
}


@pytest.mark.parametrize("seconds", DURATIONS)
def test_durations_are_for_people(seconds: float) -> None:
    assert duration(seconds) == DURATIONS[seconds]


def test_a_pipe_gets_one_plain_line_per_event(tmp_path: Path) -> None:
    stream = io.StringIO()
    one, two = task(tmp_path, 1), task(tmp_path, 2)
    with show(3, stream) as watcher:
        watcher.skipped(task(tmp_path, 3))
        watcher.started(one)
        watcher.started(two)
        watcher.refresh()
        watcher.ended(one, None, 12.3)
        watcher.ended(two, "killed by SIGKILL", 200)
    assert stream.getvalue().splitlines() == [
        "[3/3] method_3 seed 4 was finished before",
        "[1/3] method_1 seed 4 started",
        "[2/3] method_2 seed 4 started",
        "[1/3] method_1 seed 4 finished in 12 s",
        f"[2/3] method_2 seed 4 failed after 3 min 20 s: killed by SIGKILL (see {two.folder / 'log.txt'})",
    ]


def test_the_kind_of_stream_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(show(1, io.StringIO()), Lines)
    assert isinstance(show(1, Terminal()), Live)
    monkeypatch.delenv("FORCE_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(show(1, Terminal()), Lines)


def test_a_terminal_shows_where_every_running_cell_is(tmp_path: Path, clock: Clock) -> None:
    stream = Terminal()
    running, fresh = task(tmp_path, 1, 3, 0.8125), task(tmp_path, 2)
    with Live(5, Console(file=stream, width=90, force_terminal=True)) as watcher:
        watcher.started(running)
        watcher.started(fresh)
        clock.now += 1
        watcher.refresh()
        shown = plain(stream.getvalue()).split()
    assert shown[:11] == ["method", "seed", "epoch", "validation", "best", "time", "method_1", "4", "3/10", "81.2", "%"]
    assert shown[11:14] == ["method_2", "4", "0/10"]


def test_a_line_has_the_last_and_the_best_score_and_its_own_time_left(tmp_path: Path, clock: Clock) -> None:
    stream, running, done = Terminal(), task(tmp_path, 1, 2), task(tmp_path, 2)
    with Live(3, Console(file=stream, width=90, force_terminal=True)) as watcher:
        watcher.started(done)
        watcher.started(running)
        at(done, 10, 0.5)
        watcher.ended(done, None, 33)
        said = {"epoch": 4, "epochs": 10, "validation_accuracy": 0.75, "best": 0.8125}
        store.write_json(running.folder / "progress.json", said)
        clock.now += 20
        watcher.refresh()
        shown = " ".join(plain(stream.getvalue()).split())
    assert "method_1 4 4/10 75.0 % 81.2 % 1 min 0 s left" in shown  # 2 epochs in 20 s, 6 to go
    assert "method_2 4 10/10 50.0 % took 33 s" in shown


def test_plain_lines_have_score_and_time_left(tmp_path: Path, clock: Clock) -> None:
    stream, one = io.StringIO(), task(tmp_path, 1)
    with show(2, stream) as watcher:
        watcher.started(one)
        watcher.started(task(tmp_path, 2))
        at(one, 10, 0.8125)
        clock.now += 20
        watcher.ended(one, None, 20)
    assert stream.getvalue().splitlines()[-1] == "[1/2] method_1 seed 4 finished in 20 s, validation 81.2 %, about 20 s left"


def test_quiet_says_failures_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = task(tmp_path, 1)
    with show(2, quiet=True) as watcher:
        watcher.skipped(task(tmp_path, 2))
        watcher.started(one)
        watcher.refresh()
        watcher.ended(one, None, 2)
        watcher.ended(one, "no luck", 2)
    said = f"asgml: method_1 seed 4 failed after 2 s: no luck (see {one.folder / 'log.txt'})\n"
    assert tuple(capsys.readouterr()) == ("", said)


def test_a_terminal_is_drawn_a_few_times_per_second_only(tmp_path: Path, clock: Clock) -> None:
    stream = Terminal()
    with Live(1, Console(file=stream, width=90, force_terminal=True)) as watcher:
        watcher.started(task(tmp_path, 1))
        for _ in range(40):
            clock.now += 0.0625
            watcher.refresh()
        assert plain(stream.getvalue()).count("method_1") == 10


def test_a_failure_stays_to_be_read(tmp_path: Path, clock: Clock) -> None:
    stream = Terminal()
    failed = task(tmp_path, 1)
    with Live(2, Console(file=stream, width=200, force_terminal=True)) as watcher:
        watcher.started(failed)
        watcher.ended(failed, "exit code 1: [red]no[/red]", 61)
    text = plain(stream.getvalue())
    assert f"method_1 seed 4 failed after 1 min 1 s: exit code 1: [red]no[/red] (see {failed.folder / 'log.txt'})" in text
    assert text.strip().splitlines()[-1] == "0/2 cells done, 1 failed, 0 s elapsed"


def test_time_left_comes_from_the_epochs_trained_now(tmp_path: Path, clock: Clock) -> None:
    """Of 4 cells of 10 epochs one was finished before and one resumes at epoch 4."""
    watcher = Live(4, Console(file=Terminal(), width=90))
    watcher.skipped(task(tmp_path, 3))
    resumed, fresh = task(tmp_path, 1, 4), task(tmp_path, 2)
    watcher.started(resumed)
    watcher.started(fresh)
    clock.now += 10
    assert watcher.totals() == "1/4 cells done, 10 s elapsed"  # no epoch yet, no estimate
    at(resumed, 9)
    at(fresh, 5)
    clock.now += 10  # 10 epochs in 20 s; left: 1 + 5 + 10 of the cell that waits
    assert watcher.totals() == "1/4 cells done, 20 s elapsed, about 32 s left"
    at(resumed, 10)
    watcher.ended(resumed, None, 20)  # 11 epochs; left: 5 + 10
    assert watcher.totals() == f"2/4 cells done, 20 s elapsed, about {round(20 / 11 * 15)} s left"


def test_the_last_line_has_no_time_left(tmp_path: Path, clock: Clock) -> None:
    watcher, only = Live(1, Console(file=Terminal(), width=90)), task(tmp_path, 1)
    watcher.started(only)
    at(only, 10)
    clock.now += 30
    watcher.ended(only, None, 30)
    assert watcher.totals() == "1/1 cells done, 30 s elapsed"


def test_a_progress_file_that_cannot_be_read_shows_nothing(tmp_path: Path, clock: Clock) -> None:
    watcher, only = Live(1, Console(file=Terminal(), width=90)), task(tmp_path, 1)
    (only.folder / "progress.json").write_text('{"epoch": ')
    watcher.started(only)
    assert watcher.totals() == "0/1 cells done, 0 s elapsed"
