"""Commands with paths, names and numbers that nobody expects, on an output that may be full, closed or unread."""

import contextlib
import os
import random
import shutil
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import runner
import runs
from runner import Kind, Wrong
from values import TOKENS

WORDS = (
    "",
    "x",
    "-",
    "--",
    "--out",
    "-h",
    "\0",
    "a\0b",
    "x" * 5000,
    "/" * 5000,
    "a/" * 3000,
    "\udcff",
    "é",
    "\x1b[31mred\x07",
    "~",
    "~nobody/x",
    "..",
    "../../x",
    "a\nb",
    "$HOME",
    "%s",
    "{}",
    "*",
    "0",
    "-1",
    "1e9",
    "9" * 5000,
    "nan",
    "True",
    "[]",
    "{x: [}",
    "a=b",
    "=",
    "a=",
)
PATHS = (
    "ref",
    "missing",
    "missing/deep/er",
    "empty",
    "file",
    "file/below",
    "fifo",
    "socket",
    "null",
    "loop",
    "broken",
    "small.yaml",
    "folder.yaml",
    "ref/experiment.json",
    "ref/baseline",
    "ref/baseline/seed0",
    "ref/",
    "./ref/../ref",
    "readonly/x",
    "long" * 80,
    "\udcff\udcfe",
    "x.csv",
    "fifo.yaml",
    "fifo.csv",
    "binary.yaml",
    "big.yaml",
    "null.csv",
    "folder.csv",
    "/dev/null/x",
    "/proc/self/fd/99/x",
    "ref/report.html",
)
Part = Callable[[random.Random], Sequence[str]]


def _path(rng: random.Random) -> str:
    return rng.choice(PATHS) if rng.random() < 0.75 else rng.choice(WORDS)


def _maybe(rng: random.Random, *options: tuple[str, Callable[[random.Random], str]]) -> list[str]:
    chosen = [option for option in options if rng.random() < 0.35]
    return [word for name, value in chosen for word in (name, value(rng))]


def _word(rng: random.Random) -> str:
    return rng.choice((*WORDS, *PATHS, "baseline", "half", "csv", "latex", "keypad", "ogm", "1", "2", "0.5"))


def _set(rng: random.Random) -> str:
    key = rng.choice(
        ("train.epochs", "dataset.name", "dataset.path", "dataset.root", "name", "methods", "seeds", "", "x.y", *WORDS)
    )
    return f"{key}={rng.choice((*TOKENS, *WORDS, *PATHS))}" if rng.random() < 0.8 else _word(rng)


def _run(rng: random.Random) -> list[str]:
    what = rng.choice(("small.yaml", "missing", "phase1", "folder.yaml", "fifo.yaml", "binary.yaml", "big.yaml", _path(rng)))
    done = what == "small.yaml" and rng.random() < 0.5
    wrong = ["--set", "train.epochs=0"] if not done and rng.random() < 0.3 else []
    options = _maybe(
        rng, ("--jobs", _word), ("--engine", _word), ("--address", _word), ("--gpus-per-cell", _word), ("--set", _set)
    )
    return ["run", what, "--out", "ref" if done else _path(rng), *wrong, *options, *(["--quiet"] if rng.random() < 0.2 else [])]


COMMANDS: Sequence[Part] = (
    _run,
    lambda rng: ["report", _path(rng), *_maybe(rng, ("--out", _path), ("--epochs", _word))],
    lambda rng: ["report", "ref", "--out", _path(rng)],
    lambda rng: [
        "report",
        "--tensorboard",
        rng.choice(("", "a", "a=", "=b", "a=")) + _path(rng),
        *_maybe(rng, ("--out", _path)),
    ],
    lambda rng: ["compare", *(_path(rng) for _ in range(rng.randrange(4))), *_maybe(rng, ("--out", _path))],
    lambda rng: ["compare", "ref", "ref/", "--out", _path(rng)],
    lambda rng: ["export", _path(rng), *_maybe(rng, ("--format", _word), ("--out", _path))],
    lambda rng: ["export", "ref", "--out", _path(rng)],
    lambda rng: ["diagnose", _path(rng), *_maybe(rng, ("--method", _word), ("--seed", _word))],
    lambda rng: ["cite", *(_word(rng) for _ in range(rng.randrange(3)))],
    lambda rng: [
        "check",
        rng.choice(("asgml.recipes:ogm", "json:loads", "x:y", _word(rng))),
        *(_word(rng) for _ in range(rng.randrange(3))),
    ],
    lambda rng: ["list", *_maybe(rng, ("", _word))],
    lambda rng: ["list", rng.choice(("datasets", "methods", "experiments"))],
    lambda rng: ["data", "check", _path(rng), *_maybe(rng, ("--set", _set), ("--seed", _word), ("--out", _path))],
    lambda rng: ["data", "check", "keypad", "--set", "train_size=50", "--out", _path(rng)],
    lambda rng: [
        "data",
        "prepare",
        rng.choice(("cremad", "ave", "food101", _word(rng))),
        "--root",
        _path(rng),
        "--out",
        _path(rng),
        *_maybe(rng, ("--metadata", _path), ("--frames", _word), ("--size", _word), ("--jobs", _word), ("--seconds", _word)),
    ],
    lambda rng: [_word(rng) for _ in range(rng.randrange(4))],
)
STDOUT = ("file",) * 7 + ("full", "closed", "gone")


def prepare(folder: Path) -> Path:
    """Train the run that some commands are about, and write an experiment that is much too long."""
    (folder / "big.yaml").write_text("name: x\nmethods: {baseline: []}\n" + "# long\n" * 1_500_000)
    return runs.train(folder)


def case(rng: random.Random, folder: Path, run: Path) -> None:
    """Lay out a folder of traps, run a command in it, and look at what is left."""
    _lay_out(folder, run)
    tokens = list(rng.choice(COMMANDS)(rng))
    stdout = rng.choice(STDOUT)
    before = _files(folder)
    try:
        said = runner.command(*tokens, stdout=stdout)
    except Wrong as error:
        raise Wrong(f"{error} <- asgml {_shown(tokens)} >{stdout}") from error
    wrong = [f"left {name}" for name in runner.temporary_files(folder)]
    wrong += [f"lost or changed {name}" for name in before if not os.path.lexists(folder / name)]
    wrong += [
        f"wrote {name} and refused" for name in _files(folder) - before if said.code == 2 and not name.startswith("cache")
    ]
    wrong += ["said nothing of an output that cannot be written"] * (
        stdout == "full" and said.code == 0 and "--quiet" not in tokens
    )
    if wrong:
        raise Wrong(f"{wrong[0]} <- asgml {_shown(tokens)} >{stdout}")


def _shown(tokens: Sequence[str]) -> str:
    return " ".join(repr(token)[:60] for token in tokens)


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() and path.name != ".lock"}


def _lay_out(folder: Path, run: Path) -> None:
    shutil.copytree(run, folder / "ref")
    (folder / "small.yaml").write_text(runs.SMALL)
    for name in ("empty", "folder.yaml", "folder.csv", "readonly"):
        (folder / name).mkdir()
    (folder / "file").write_text("no run\n")
    (folder / "x.csv").write_text("id,label,v\na,b,1 2\n")
    (folder / "binary.yaml").write_bytes(bytes(range(256)))
    for name in ("fifo", "fifo.yaml", "fifo.csv"):
        os.mkfifo(folder / name)
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listening, contextlib.suppress(OSError):
        listening.bind("socket")
    for name, target in (
        ("null", "/dev/null"),
        ("null.csv", "/dev/zero"),
        ("loop", "loop"),
        ("broken", "nowhere"),
        ("big.yaml", "../big.yaml"),
    ):
        (folder / name).symlink_to(target)
    (folder / "readonly").chmod(0o555)


KIND = Kind("command_lines", 600, prepare, case)
