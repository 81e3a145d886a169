"""Runs made-up cases in a forked process, which is stopped when one takes too long, and tells what went wrong in which."""

import contextlib
import io
import json
import os
import random
import resource
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIMIT = 10.0
"""Seconds that a case may take; a kind may allow several commands."""
MEMORY = 6 << 30
"""Bytes that a case may hold."""
SCREEN, WIDTH = 12, 400
"""Lines of complaint, and characters in one, that a reader still takes in."""


class Wrong(Exception):
    """What must not happen did."""


@dataclass(frozen=True)
class Failure:
    """A case that went wrong, by the seed that makes it again."""

    seed: int
    words: str


@dataclass(frozen=True)
class Kind:
    """`prepare(folder)` makes once what all cases share; `case(random, folder, shared)` raises where something is wrong."""

    name: str
    count: int
    prepare: Callable[[Path], Any]
    case: Callable[[random.Random, Path, Any], None]
    limit: float = LIMIT


def run(kind: Kind, seeds: Iterable[int], folder: Path, *, verbose: bool = False) -> list[Failure]:
    """Run a case per seed; return those that went wrong."""
    os.environ["ASGML_CACHE"] = str(folder / "cache")
    shared = kind.prepare(folder)
    found, waiting = list[Failure](), list(seeds)
    while waiting:
        done, failures = _shift(kind, waiting, folder, shared, verbose)
        found += failures
        waiting = waiting[done:]
    return found


def _shift(kind: Kind, seeds: list[int], folder: Path, shared: Any, verbose: bool) -> tuple[int, list[Failure]]:
    """Fork a worker and listen to it; return how many cases it began or did, and those that went wrong."""
    reading, writing = os.pipe()
    if not (worker := os.fork()):
        os.close(reading)
        _work(kind, seeds, folder, shared, verbose, writing)
    os.close(writing)
    found, done = list[Failure](), 0
    for words in _lines(reading, kind.limit):
        done += 1
        if words:
            found.append(Failure(seeds[done - 1], words))
    os.close(reading)
    hung = os.waitpid(worker, os.WNOHANG) == (0, 0) and done < len(seeds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(worker, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(worker, 0)
    if done < len(seeds):
        found.append(Failure(seeds[done], f"took more than {kind.limit:.0f} s" if hung else "ended the process"))
        done += 1
    return done, found


def _lines(pipe: int, limit: float) -> Iterator[str]:
    """What the worker says of each case, until it ends or says nothing for too long."""
    said = b""
    while select.select([pipe], [], [], limit + 1)[0]:
        more = os.read(pipe, 65536)
        if not more:
            time.sleep(0.2)  # until the worker is seen to be gone
            return
        *whole, said = (said + more).split(b"\n")
        yield from (json.loads(line) for line in whole)


def _work(kind: Kind, seeds: list[int], folder: Path, shared: Any, verbose: bool, pipe: int) -> None:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    for seed in seeds:
        place = folder / f"case{seed}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        os.chdir(place)
        words = _words(kind, seed, place, shared, verbose)
        os.chdir(folder)
        shutil.rmtree(place, ignore_errors=True)
        os.write(pipe, json.dumps(words).encode() + b"\n")
    os._exit(0)


def _words(kind: Kind, seed: int, place: Path, shared: Any, verbose: bool) -> str:
    began = time.monotonic()
    try:
        kind.case(random.Random(f"{kind.name} {seed}"), place, shared)
    except BaseException as error:
        if verbose:
            traceback.print_exc()
        at = traceback.extract_tb(error.__traceback__)[-1]
        at = next((f for f in reversed(traceback.extract_tb(error.__traceback__)) if "asgml" in f.filename), at)
        where = "" if isinstance(error, Wrong) else f"{type(error).__name__} at {Path(at.filename).name}:{at.lineno}: "
        return f"{where}{error}"[:300].replace("\n", " / ") or where
    seconds = time.monotonic() - began
    return f"took {seconds:.1f} s" if seconds > kind.limit else ""


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    error: str


def command(*tokens: str, stdout: str = "file") -> Said:
    """Run `asgml TOKENS` in this process; `stdout`: a file, `full` (no space), `closed`, or `gone` (a pipe nobody reads).

    Raises Wrong where it ends otherwise than a command may.
    """
    from asgml.lab.cli import app

    files = [Path("stdout.txt").absolute(), Path("stderr.txt").absolute()]
    with _streams(files, stdout):
        try:
            code = app.main(list(tokens))
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else int(error.code is not None)
        sys.stderr.flush()
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
    out, error = (file.read_text(errors="replace") if file.exists() else "" for file in files)
    for file in files:
        file.unlink(missing_ok=True)
    said = Said(code, out, error)
    _judge(said)
    return said


def _judge(said: Said) -> None:
    if said.code not in (0, 1, 2, 130, 141):
        raise Wrong(f"exit code {said.code}")
    if "Traceback" in said.error or "Traceback" in said.out:
        raise Wrong(f"traceback: {said.error.strip().splitlines()[-1]}")
    lines = said.error.splitlines()
    if said.code in (1, 2) and not lines:
        raise Wrong(f"exit code {said.code} without a word on standard error")
    if said.code and (len(lines) > SCREEN or any(len(line) > WIDTH for line in lines)):
        raise Wrong(f"{len(lines)} lines of up to {max(map(len, lines))} characters: {lines[0][:100]}")
    if any(not c.isprintable() for line in lines for c in line):
        raise Wrong(f"control characters in {lines!r}"[:200])


@contextlib.contextmanager
def _streams(files: list[Path], stdout: str) -> Iterator[None]:
    """Put the two standard streams into files, or the first where nothing can be written."""
    kept = [os.dup(1), os.dup(2)]
    before = sys.stdout, sys.stderr
    out, error = _writable(files[0], stdout), os.open(files[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(error, 2)
    os.close(error)
    os.dup2(out, 1)
    os.close(out)
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), encoding="utf-8", write_through=True)
    sys.stderr = io.TextIOWrapper(
        io.FileIO(2, "w", closefd=False), encoding="utf-8", errors="backslashreplace", write_through=True
    )
    if stdout == "closed":
        os.close(1)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for number, copy in enumerate(kept, 1):
            os.dup2(copy, number)
            os.close(copy)


def _writable(file: Path, stdout: str) -> int:
    if stdout == "full":
        return os.open("/dev/full", os.O_WRONLY)
    if stdout == "gone":
        reading, writing = os.pipe()
        os.close(reading)
        return writing
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)


def temporary_files(folder: Path) -> list[str]:
    """Return the hidden files that an interrupted write leaves."""
    return [str(path.relative_to(folder)) for path in folder.rglob(".*.*") if path.is_file() and len(path.suffix) == 33]
