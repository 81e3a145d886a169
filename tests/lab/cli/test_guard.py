"""What may go wrong around any command: one line on standard error, a code that is not 0, nothing half-written."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from asgml.lab import outputs, store
from asgml.lab.cli import guard, main
from asgml.lab.errors import InputError

COMMANDS = {
    "run": "run small.yaml --out {}",
    "report": "report ref --out {}",
    "report --tensorboard": "report --tensorboard a=ref --out {}",
    "compare": "compare ref ref --out {}",
    "export": "export ref --out {}",
    "data check": "data check keypad --out {}.html",
    "data prepare": "data prepare cremad --root ref --out {}",
}
FILES = ("export", "data check")
"""Commands whose `--out` is a file; that of all others is a folder."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text("name: small\nmethods: {baseline: []}\n")
    (tmp_path / "ref").mkdir()
    return tmp_path


def left(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "trap", ["the other kind", "below a file", "a pipe", "a loop", "a lost link", "too long", "not UTF-8", "NUL"]
)
def test_a_place_that_cannot_be_written_is_refused_in_a_line(
    command: str, trap: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "there.html" if command == "data check" else "there"
    target = COMMANDS[command]
    if trap == "the other kind":
        (here / name).mkdir() if command in FILES else (here / name).write_text("mine")
    elif trap == "below a file":
        (here / "file").write_text("mine")
        target = target.replace("{}", "file/{}")
    elif trap == "a pipe":
        os.mkfifo(here / name)
    elif trap == "a loop":
        (here / name).symlink_to(name)
    elif trap == "a lost link":  # no folder can be made there, nor below it
        (here / "lost").symlink_to("nowhere")
        target = target.replace("{}", "lost/{}") if command in FILES else target.replace("{}", "lost")
    odd = {"too long": "x" * 5000, "not UTF-8": "\udcff", "NUL": "a\0b"}.get(trap, "there")
    before = left(here)
    assert main([word.format(odd) for word in target.split()]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("asgml: error: ")
    assert error.count("\n") == 1
    assert len(error) < 420
    assert error.strip().isprintable()
    assert left(here) == before


def test_a_device_is_never_renamed_over(tmp_path: Path) -> None:
    """Written as root, `--out /dev/null` would make a file of the device."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="must be a file, found a named pipe"):
        store.write_atomic(tmp_path / "pipe", b"x")
    with pytest.raises(InputError, match="must be a file, found a device"):
        outputs.check_file(Path("/dev/null"))
    assert left(tmp_path) == ["pipe"]


def test_a_disk_that_is_full_leaves_all_files_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write_together({tmp_path / "a": b"1", tmp_path / "b": b"1"})
    synced = []

    def full(number: int) -> None:
        synced.append(number)
        if len(synced) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        store.write_together({tmp_path / "a": b"2", tmp_path / "b": b"2"})
    assert [(p.name, p.read_bytes()) for p in sorted(tmp_path.iterdir())] == [("a", b"1"), ("b", b"1")]


class Full(io.StringIO):
    """Standard output on a disk that is full."""

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_an_answer_that_cannot_be_written_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", Full())
    assert main(["cite"]) == 1
    words = "standard output: No space left on device; make room, then the same command goes on"
    assert capsys.readouterr().err == f"asgml: error: {words}\n"


def test_output_that_was_closed_before_the_start_is_said_in_a_line() -> None:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m asgml list >&-"], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(b"asgml: error: standard output is closed")
    assert done.stderr.count(b"\n") == 1


def test_closed_output_is_said_unless_nothing_is_to_be_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(guard, "_standard_streams_are_open", lambda: False)
    assert main(["list"]) == 1
    assert capsys.readouterr().err.startswith("asgml: error: standard output is closed")
    assert main(["run", "nowhere", "--quiet"]) == 2


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(errno.EROFS, "Read-only file system", "a/b"), 2, "a/b: Read-only file system"),
        (OSError(errno.EIO, "Input/output error", "a/b"), 1, "a/b: Input/output error"),
        (OSError(errno.ENOSPC, "No space left on device", "a"), 1, "a: No space left on device; make room, then the same"),
        (MemoryError(), 1, "out of memory"),
        (InputError("\n".join(f"line {n}" for n in range(100))), 2, "line 0\nasgml: error: line 1"),
        (InputError("x" * 100_000), 2, "xxx"),
        (InputError("a\x1b[31m\x07\u202eb"), 2, "a\\x1b[31m\\x07\\u202eb"),
    ],
)
def test_what_goes_wrong_fits_a_screen(error: Exception, code: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> int:
        raise error

    assert guard.guarded(fail, []) == code
    said = capsys.readouterr().err
    assert said.startswith(f"asgml: error: {words}")
    assert len(said.splitlines()) <= 11
    assert max(map(len, said.splitlines())) <= 400


@pytest.mark.parametrize("value", ["audio: [", "!!binary aGk=", "0x" + "f" * 5000])
def test_arguments_of_a_recipe_are_read_as_settings_are(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "asgml.recipes:frequency", f"modality={value}"]) == 2
    assert capsys.readouterr().err.startswith("asgml: error: check: modality")


def test_a_recipe_that_cannot_be_called_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "asgml.recipes:frequency"]) == 2
    assert "could not be called with these arguments: TypeError: frequency() missing" in capsys.readouterr().err


@pytest.mark.parametrize("read", [store.read_json, lambda path: list(store.blocks(path.parent))], ids=["record", "log"])
def test_a_pipe_in_the_place_of_a_record_is_not_waited_for(read: Callable[[Path], object], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "metrics.jsonl")
    with pytest.raises(OSError, match="must be a file, found a named pipe"):
        read(tmp_path / "metrics.jsonl")
