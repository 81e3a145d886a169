"""Copies of a finished run in which a file was cut, changed, exchanged or lost; then every command that reads a run."""

import json
import os
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import runner
import runs
import values
from runner import Kind, Wrong

FILES = (
    "experiment.json",
    "cells.json",
    "half/seed0/config.json",
    "half/seed0/metrics.jsonl",
    "half/seed0/result.json",
    "half/seed0/checkpoint.pt",
    "half/seed0/model.safetensors",
    "half/seed0/predictions.npz",
    "half/seed0/progress.json",
    "baseline/seed0/diagnosis.json",
    "baseline/seed0/metrics.jsonl",
    "baseline/seed0/result.json",
    "baseline/seed0/checkpoint.pt",
)
UNDONE = 0.5
"""The share of cases in which the cell is unfinished, so that `run` goes on from its checkpoint."""
WORDS = (
    "damaged",
    "cannot be read",
    "must be",
    "must hold",
    "does not",
    "is not",
    "no ",
    "none",
    "failed",
    "lost",
    "left out",
    "set aside",
    "another",
)
MACHINE = {"seconds", "peak_memory", "time", "elapsed"}


def prepare(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Train the run, and keep what each command says of it undamaged."""
    run = runs.train(folder)
    return run, {"summary": json.loads((run / "summary.json").read_text())}


def _cut(rng: random.Random, path: Path, other: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content))])


def _flip(rng: random.Random, path: Path, other: Path) -> None:
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def _zeros(rng: random.Random, path: Path, other: Path) -> None:
    content = bytearray(path.read_bytes())
    start = rng.randrange(len(content))
    content[start : start + 512] = bytes(len(content[start : start + 512]))
    path.write_bytes(content)


def _lines(rng: random.Random, path: Path, other: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    where = rng.randrange(len(lines))
    path.write_bytes(
        b"".join(rng.choice((lines[:where] + lines[where + 1 :], lines[:where] + lines[where:] * 2, lines[:where])))
    )


def _json(rng: random.Random, path: Path, other: Path) -> None:
    if path.suffix == ".jsonl":
        records = [json.loads(line) for line in path.read_text().splitlines()]
        values.spoil(rng, records)
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    elif path.suffix == ".json":
        record = json.loads(path.read_text())
        values.spoil(rng, record)
        path.write_text(json.dumps(record if rng.random() < 0.7 else rng.choice(values.NASTY[:60])))
    else:
        path.write_bytes(rng.choice((b"", b"\0" * 100, b"{}", b"PK\x03\x04", os.urandom(1000))))


def _folder(rng: random.Random, path: Path, other: Path) -> None:
    path.unlink()
    path.mkdir()


def _link(rng: random.Random, path: Path, other: Path) -> None:
    path.unlink()
    if rng.random() < 0.5:
        path.symlink_to(rng.choice((path.name, "nowhere", "/dev/null", "/dev/zero")))
    else:
        os.mkfifo(path)


def _gone(rng: random.Random, path: Path, other: Path) -> None:
    path.unlink()


def _exchanged(rng: random.Random, path: Path, other: Path) -> None:
    shutil.copyfile(other, path) if other.exists() else path.unlink()


SPOIL: Sequence[Callable[[random.Random, Path, Path], None]] = (
    _cut,
    _cut,
    _flip,
    _flip,
    _zeros,
    _lines,
    _lines,
    _json,
    _json,
    _json,
    _json,
    _folder,
    _link,
    _gone,
    _exchanged,
)


def case(rng: random.Random, folder: Path, shared: tuple[Path, dict[str, Any]]) -> None:
    """Spoil a copy, run every command on it, and hold what they say to what they say of the undamaged run."""
    reference, known = shared
    name, spoil = rng.choice(FILES), rng.choice(SPOIL)
    undone = rng.random() < UNDONE
    run = runs.copy(reference, folder)
    path = run / name
    other = run / (name.replace("half/", "baseline/") if "half/" in name else name.replace("baseline/", "half/"))
    spoil(rng, path, other)
    if undone and name != "half/seed0/result.json":
        (run / "half/seed0/result.json").unlink()
    try:
        _commands(rng, run, reference, known)
    except Exception as error:
        words = f"{name} {spoil.__name__}{' undone' * undone}: {type(error).__name__} {error}"
        raise Wrong(words) from error


def _commands(rng: random.Random, run: Path, reference: Path, known: dict[str, Any]) -> None:
    said = runner.command("report", str(run), "--out", "report")
    if said.code == 0:
        _same_or_told(
            json.loads(Path("report/summary.json").read_text()), known["summary"], Path("report/analysis.md").read_text()
        )
    runner.command(*rng.choice((["compare", str(run), str(reference)], ["export", str(run)], ["diagnose", str(run)])))
    said = runner.command("run", str(reference.parent / "small.yaml"), "--out", str(run), "--jobs", "1")
    if said.code == 0:
        _same_numbers(run, reference, said.out + said.error)
    if left := runner.temporary_files(run):
        raise Wrong(f"left {left[0]}")


def _same_or_told(found: dict[str, Any], wanted: dict[str, Any], page: str) -> None:
    """Every method has the numbers of the undamaged run, or fewer seeds and a reason."""
    for name, numbers in wanted["methods"].items():
        now = found["methods"].get(name)
        if now is None or now["failed"] or now["n"] != numbers["n"]:
            continue
        differ = [key for key in numbers if _plain(now.get(key)) != _plain(numbers[key])]
        if differ and not any(word in page for word in ("damaged", "left out", "cannot be read")):
            raise Wrong(f"report: {name}.{differ[0]} is {str(now.get(differ[0]))[:80]}, and nothing says why")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if k not in MACHINE}
    return value


def _same_numbers(run: Path, reference: Path, said: str) -> None:
    for method in ("baseline", "half"):
        ours, theirs = (json.loads((at / method / "seed0/result.json").read_text()) for at in (run, reference))
        keys = [key for key in theirs if isinstance(theirs[key], int | float) and key not in MACHINE]
        if (differ := [key for key in keys if ours.get(key) != theirs[key]]) and "damaged" not in said:
            raise Wrong(f"run: {method} {differ[0]} is {ours.get(differ[0])}, was {theirs[differ[0]]}, and nothing says why")
        one, other = (at / method / "seed0/predictions.npz" for at in (run, reference))
        if one.exists() and one.read_bytes() != other.read_bytes() and "damaged" not in said:
            raise Wrong(f"run: {method} predictions.npz differs, and nothing says why")


KIND = Kind("folders", 100, prepare, case, limit=60.0)
