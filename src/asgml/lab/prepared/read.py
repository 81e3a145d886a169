"""Opens a store, and believes nothing that its index says of the files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.lab.errors import InputError
from asgml.lab.files import open_regular, read_text
from asgml.lab.prepared import CLIPS, FORMAT, INDEX, PROBLEMS, refuse_missing
from asgml.lab.prepared.stored import Stored
from asgml.lab.prepared.telling import problems_listed
from asgml.lab.store import read_record

Array = npt.NDArray[Any]
AGAIN = "prepare it again"


@dataclass(frozen=True)
class Store:
    """A whole store: `clips` describe its rows, `shards[modality]` are mapped into memory."""

    folder: Path
    index: dict[str, Any]
    clips: list[dict[str, Any]]
    shards: dict[str, list[Array]]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the labels."""
        return tuple(self.index["classes"])

    @property
    def content(self) -> str:
        """What tells it from another store: 12 digits over its rows and checksums, the same wherever it lies."""
        said = json.dumps([self.index["shards"], self.index["clips_sha256"]], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:12]

    def stored(self, modality: str, convert: Callable[[Array], Array]) -> Stored:
        """Return all rows of a modality, to be converted when they are read."""
        return Stored(self.shards[modality], np.arange(len(self.clips)), convert)

    def about(self, key: str) -> npt.NDArray[np.str_]:
        """Return what is known of every clip under a key, "" where nothing is."""
        return np.array([str(clip["about"].get(key, "")) for clip in self.clips])

    def problems(self) -> list[dict[str, str]]:
        """Return the list of files that gave no sample."""
        return problems_listed(self.folder)

    def damaged(self) -> Iterator[str]:
        """Yield the files whose content is no longer what was written: this reads everything."""
        sums = {name: sum_ for shard in self.index["shards"] for name, sum_ in shard["files"].items()}
        for name, expected in {CLIPS: self.index["clips_sha256"], **sums}.items():
            if _sum(self.folder / name) != expected:
                yield name


def open_store(folder: Path, setting: str = "dataset.root") -> Store:
    """Open the store in a folder; InputError, which names the `setting`, where there is none or it is damaged."""
    index = _index(folder, setting)
    try:
        _refuse_odd(folder, index)
        clips = [json.loads(line) for line in read_text(folder / CLIPS).splitlines()]
        shards: dict[str, list[Array]] = {}
        for shard in index["shards"]:
            for name in shard["files"]:
                shards.setdefault(name.rpartition("-")[0], []).append(_mapped(folder / name, shard["rows"]))
        if len(clips) != index["rows"] or any(sum(map(len, s)) != len(clips) for s in shards.values()):
            raise ValueError(f"{len(clips)} clips are described, {index['rows']} are promised")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"`{setting}`: the store {folder} is damaged ({error}); {AGAIN}") from error
    return Store(folder, index, clips, shards)


def _index(folder: Path, setting: str) -> dict[str, Any]:
    refuse_missing(folder, setting)
    index: Any = read_record(folder / INDEX)
    if not isinstance(index, dict):
        raise InputError(f"`{setting}`: {folder / INDEX} must be a mapping; {AGAIN}")
    if index.get("format") != FORMAT:
        raise InputError(
            f"`{setting}`: the store {folder} has format {index.get('format')!r}, this version reads {FORMAT}; {AGAIN}"
        )
    return index


def _refuse_odd(folder: Path, index: dict[str, Any]) -> None:
    """Raise ValueError where a name leads out of the store or is no file: to open a pipe is to wait for ever."""
    for name in (CLIPS, PROBLEMS, *(name for shard in index["shards"] for name in shard["files"])):
        if Path(name).name != name or not (folder / name).is_file():
            raise ValueError(f"{name} is no file in it")


def _mapped(path: Path, rows: int) -> Array:
    array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    if len(array) != rows:
        raise ValueError(f"{path.name} has {len(array)} rows, {rows} are promised")
    return array


def _sum(path: Path) -> str | None:
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
