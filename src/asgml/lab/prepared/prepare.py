"""From clips to a store: in parallel, and going on where it was interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path

from asgml.lab.errors import InputError
from asgml.lab.prepared import INDEX, PROBLEMS
from asgml.lab.prepared.clip import Clip, Problem
from asgml.lab.prepared.pool import PATIENCE, Result, read_all
from asgml.lab.prepared.settings import Reading
from asgml.lab.prepared.telling import commonest, problems_listed
from asgml.lab.prepared.write import Part, fingerprint, finish, locked, shards
from asgml.lab.store import read_json

Progress = Callable[[int, int, int], None]
"""Called with the clips that are done, all clips, and the problems so far."""


@dataclass(frozen=True, slots=True)
class Listing:
    """All clips of a data set in the order of their rows, its classes, and names that it could make nothing of."""

    name: str
    classes: tuple[str, ...]
    clips: tuple[Clip, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader must know of its lists."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a preparation left."""

    rows: int
    problems: int
    reused: int
    """Clips that a former preparation had read."""
    commonest: str = ""
    """What most problems are, in words."""


@dataclass(slots=True)
class Job:
    """How to go about it."""

    jobs: int = 1
    strict: bool = False
    """Stop at the first file that gives no sample."""
    patience: float = PATIENCE
    """Seconds for one clip, after which its decoder is stopped."""
    progress: Progress = lambda *_: None


def prepare(listing: Listing, reading: Reading, out: Path, job: Job) -> Outcome:
    """Read every clip and leave a store at `out`; a clip of which one file gives no sample is left out and listed.

    A store that is there already and was made from the same files and settings is left as it is. Raises InputError where
    `out` holds anything else, where no clip can be read, and where it is strict at the first file that gives no sample.
    """
    settings = reading.model_dump(mode="json")
    with locked(out):
        made_from = fingerprint([listing.name, settings, [c.print() for c in listing.clips]])
        if out.exists():
            return _there_already(out, made_from)
        folder = out.with_name(f"{out.name}.partial")
        folder.mkdir(exist_ok=True)
        _refuse(listing.problems, job.strict)
        parts = [(Part(folder, n, fingerprint([settings, *(c.print() for c in clips)])), clips)
                 for n, clips in enumerate(shards(listing.clips))]  # fmt: skip
        reused = _fill(parts, reading, job)
        done = [part for part, _ in parts]
        problems = [*map(asdict, listing.problems), *(p for part in done for p in part.problems)]
        if not any(part.clips for part in done):
            raise InputError(f"--root: of {len(listing.clips)} clips none could be read; {folder}/part-*.json say why; "
                             f"{commonest(problems)}")  # fmt: skip
        head = {"name": listing.name, "classes": listing.classes, "reading": settings, "made_from": made_from}
        finish(folder, out, done, problems, head)
        return Outcome(sum(len(part.clips) for part in done), len(problems), reused, commonest(problems))


def _fill(parts: Sequence[tuple[Part, Sequence[Clip]]], reading: Reading, job: Job) -> int:
    """Write every part that is not there yet; return the number of clips in those that are."""
    missing = [(part, clips) for part, clips in parts if not part.found()]
    reused = sum(len(clips) for _, clips in parts) - sum(len(clips) for _, clips in missing)
    counter = Counter(job, reused + sum(len(clips) for _, clips in missing), reused)
    read = counter.watched(read_all(chain.from_iterable(clips for _, clips in missing), reading, job.jobs, job.patience))
    for part, clips in missing:
        part.write(list(islice(read, len(clips))))
    for part, _ in parts:
        _refuse([Problem(**p) for p in part.problems], job.strict)
    return reused


@dataclass(slots=True)
class Counter:
    """Counts what passes, tells the progress, and stops where problems are not to pass."""

    job: Job
    total: int
    done: int = 0
    problems: int = 0

    def watched(self, results: Iterable[Result]) -> Iterator[Result]:
        """Yield what comes."""
        for clip, found in results:
            listed = found if isinstance(found, list) else []
            _refuse(listed, self.job.strict)
            self.done, self.problems = self.done + 1, self.problems + len(listed)
            self.job.progress(self.done, self.total, self.problems)
            yield clip, found


def _refuse(problems: Sequence[Problem], strict: bool) -> None:
    if strict and problems:
        p = problems[0]
        raise InputError(f"--strict: {p.id}, {p.modality} ({p.file}): {p.reason}: {p.detail}")


def _there_already(out: Path, made_from: str) -> Outcome:
    index = read_json(out / INDEX) if out.is_dir() else None
    if not index or index.get("made_from") != made_from:
        what = "a store made from other files or settings" if index else "something else"
        raise InputError(f"--out: {out} is {what}; remove it, or choose another folder")
    listed = problems_listed(out) if (out / PROBLEMS).is_file() else []
    return Outcome(index["rows"], index["problems"], index["rows"], commonest(listed))
