"""Prepared stores: what media files were turned into once, in plain files that are mapped into memory.

A store is a folder that holds

    index.json        format, data set, settings, classes, shape and type of every modality, and the shards with their checksums
    clips.jsonl       a line per sample, in the order of the rows: id, label, what is known about it, what part of it is seen
    audio-0000.npy    the samples of one modality, shard by shard: (rows, ...)
    problems.csv      every file that gave no sample, and why

It appears under its name when it is whole, and not before: while it is made, it is called `NAME.partial`.
"""

from __future__ import annotations

from pathlib import Path

from asgml.lab.errors import InputError

FORMAT = 1
"""Raise it when older readers would misread what is written."""
INDEX, CLIPS, PROBLEMS = "index.json", "clips.jsonl", "problems.csv"


def refuse_missing(folder: Path, setting: str = "dataset.root") -> None:
    """Raise InputError, which names the `setting`, where a folder holds no whole store."""
    if not (folder / INDEX).is_file():
        half = folder.with_name(f"{folder.name}.partial")
        hint = f"{half} is not whole: run `asgml data prepare` again" if half.exists() else "`asgml data prepare` makes one"
        raise InputError(f"`{setting}`: must be a prepared store, found no {INDEX} in {folder}; {hint}")
