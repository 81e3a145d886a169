"""Writes a store shard by shard: what is whole is kept, what is not is never taken for a store."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from asgml.lab.csv_cells import plain
from asgml.lab.errors import InputError
from asgml.lab.prepared import CLIPS, FORMAT, INDEX, PROBLEMS
from asgml.lab.prepared.clip import Clip, Problem, Read
from asgml.lab.store import read_json, write_atomic, write_json

LEAST, MOST = 64, 256
"""Clips in a shard, at least; shards of a store, at most: every open shard takes a file handle."""


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the right to write this store; InputError where another process has it."""
    if not out.absolute().name:
        raise InputError(f"--out: must be a folder with a name, found {out}")
    out = out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    lock = out.with_name(f".{out.name}.lock")
    try:
        with FileLock(lock, timeout=0):
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)
    except Timeout:
        raise InputError(f"--out: {out} is being prepared by another process; wait for it, or choose another folder") from None


def fingerprint(parts: Sequence[Any]) -> str:
    """Return the sha256 of plain values."""
    return hashlib.sha256(json.dumps([FORMAT, *parts], sort_keys=True, default=str).encode()).hexdigest()


def shards(clips: Sequence[Clip]) -> list[Sequence[Clip]]:
    """Cut the clips into what one file per modality holds."""
    size = max(LEAST, -(-len(clips) // MOST))
    return [clips[start : start + size] for start in range(0, len(clips), size)]


@dataclass
class Part:
    """A shard in the making, or as it was left: `print` says what it was made from."""

    folder: Path
    number: int
    print: str
    clips: list[dict[str, Any]] = field(default_factory=list)
    problems: list[dict[str, str]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    """File -> sha256."""

    @property
    def path(self) -> Path:
        """Where its record stands, written last."""
        return self.folder / f"part-{self.number:04d}.json"

    def found(self) -> bool:
        """Take over what a former preparation left, if it is whole and was made from the same."""
        try:
            left = read_json(self.path) or {}
        except ValueError:
            return False
        whole = left.get("print") == self.print and all((self.folder / name).exists() for name in left["files"])
        if whole:
            self.clips, self.problems, self.files = left["clips"], left["problems"], left["files"]
        return whole

    def write(self, read: Sequence[tuple[Clip, Read | list[Problem]]]) -> None:
        """Write the arrays of what could be read, one file per modality; then the record."""
        good = [(clip, found) for clip, found in read if isinstance(found, Read)]
        self.clips = [
            {"id": c.id, "label": c.label, "about": dict(c.about), "seen": {m: dict(s) for m, s in r.seen.items()}}
            for c, r in good
        ]
        self.problems = [asdict(p) for _, found in read if isinstance(found, list) for p in found]
        for modality in good[0][1].arrays if good else ():
            name = f"{modality}-{self.number:04d}.npy"
            self.files[name] = _write_array(self.folder / name, np.stack([r.arrays[modality] for _, r in good]))
        write_json(self.path, {k: getattr(self, k) for k in ("print", "clips", "problems", "files")})


def finish(
    folder: Path, out: Path, parts: Sequence[Part], problems: Sequence[Mapping[str, str]], head: Mapping[str, Any]
) -> None:
    """Write the index over all parts, and give the folder its name."""
    lines = "".join(json.dumps(clip) + "\n" for part in parts for clip in part.clips).encode()
    write_atomic(folder / CLIPS, lines)
    write_atomic(folder / PROBLEMS, problems_csv(problems).encode())
    listed = [{"rows": len(part.clips), "files": part.files} for part in parts if part.clips]
    index = {"format": FORMAT, **head, "problems": len(problems), "rows": sum(len(part.clips) for part in parts),
             "shards": listed, "clips_sha256": hashlib.sha256(lines).hexdigest()}  # fmt: skip
    write_json(folder / INDEX, index)
    kept = {INDEX, CLIPS, PROBLEMS, *(name for part in parts for name in part.files)}
    for left in folder.iterdir():
        if left.name not in kept:  # parts, and what a kill left half written
            left.unlink()
    os.replace(folder, out)


def problems_csv(problems: Sequence[Mapping[str, str]]) -> str:
    """Return the list of problems as CSV, with a head line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["id", "modality", "file", "reason", "detail"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: plain(cell) for key, cell in problem.items()} for problem in problems)
    return text.getvalue()


def _write_array(path: Path, array: Any) -> str:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_atomic(path, buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()
