"""A disk that is full costs a line: what was written stays whole, and the same command goes on when there is room again."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import small
from asgml.lab import disk, engine, store, trial
from asgml.lab.engine import Task

FULL = "the disk is full (No space left on device"


def error(number: int, path: Path | None = None) -> OSError:
    return OSError(number, os.strerror(number), *([str(path)] if path else []))


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the disk be full for some files, from the nth write of each on; `room.left` opens it again."""
    write, found = store.write_atomic, SimpleNamespace(full={}, left=False)

    def limited(path: Path, data: bytes) -> None:
        if not found.left and path.name in found.full:
            found.full[path.name] -= 1
            if found.full[path.name] < 0:
                raise error(errno.ENOSPC, path)
        write(path, data)

    monkeypatch.setattr(store, "write_atomic", limited)
    return found


@pytest.mark.parametrize(
    ("file", "after"), [("checkpoint.pt", 1), ("model.safetensors", 0), ("progress.json", 1), ("predictions.npz", 0)]
)
def test_a_cell_says_it_in_a_line_and_goes_on(room: Any, tmp_path: Path, file: str, after: int, capfd: Any) -> None:
    ours, whole = (small.lay_out(tmp_path / name, small.cell()) for name in ("ours", "whole"))
    room.full = {file: after}
    assert small.run_here(ours) == 1
    reason = store.read_json(ours / "result.json")["reason"]
    assert reason == f"{FULL}, {ours / file} could not be written); {disk.WAY_OUT}"
    assert "Traceback" not in capfd.readouterr().err
    room.left = True
    assert small.run_here(ours) == small.run_here(whole) == 0
    assert small.log(ours) == small.log(whole)
    assert store.read_json(ours / "result.json") == store.read_json(whole / "result.json")


def test_where_not_even_that_can_be_written_the_exit_code_says_it(room: Any, tmp_path: Path, capfd: Any) -> None:
    folder = small.lay_out(tmp_path / "cell", small.cell())
    room.full = {"model.safetensors": 0, "result.json": 0}
    assert small.run_here(folder) == disk.CODE
    said = capfd.readouterr().err
    assert FULL in said
    assert "Traceback" not in said
    assert not (folder / "result.json").exists()
    room.left = True
    assert small.run_here(folder) == 0


@pytest.mark.parametrize(("code", "writes"), [(disk.CODE, True), (disk.CODE, False), (1, False)])
def test_the_sweep_says_it_too(room: Any, tmp_path: Path, code: int, writes: bool) -> None:
    (tmp_path / "log.txt").write_bytes(b"")
    room.full = {} if writes else {"result.json": 0}
    process = SimpleNamespace(returncode=code, reason=None, close=lambda: None)
    told: list[str] = []
    watcher: Any = SimpleNamespace(ended=lambda task, reason, seconds: told.append(reason))
    child: Any = SimpleNamespace(task=Task(1, "m", 0, tmp_path, 1), process=process, told=True, since=0.0, log_start=0, kills=0)
    assert engine._record(child, watcher) == [child.task]
    (said,) = told
    assert said.startswith("the disk is full")
    assert said.endswith(disk.WAY_OUT)
    assert (tmp_path / "result.json").exists() == writes


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (error(errno.ENOSPC), f"{FULL}); {disk.WAY_OUT}"),
        (
            error(errno.EDQUOT, Path("/x/y")),
            f"the disk is full (Disk quota exceeded, /x/y could not be written); {disk.WAY_OUT}",
        ),
        (error(errno.EACCES), None),
        (ValueError("x"), None),
        (None, None),
    ],
)
def test_only_what_means_it_is_said_so(found: BaseException | None, words: str | None) -> None:
    assert disk.full(found) == words
    wrapped = RuntimeError("while it was closed")
    wrapped.__context__ = found
    assert disk.full(wrapped) == words


def test_other_errors_are_told_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    folder = small.lay_out(tmp_path / "cell", small.cell())

    def write(path: Path, data: bytes) -> None:
        raise error(errno.EROFS, path)

    monkeypatch.setattr(trial.store, "write_atomic", write)
    assert small.run_here(folder) == 1
    said = capfd.readouterr().err
    assert "Read-only file system" in said
