"""Whole rows that stand in a data set more than once: within a split, across splits, and with labels that contradict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asgml.lab.checking.samples import Facts
from asgml.lab.datasets._base import Data, Split

SPLITS = ("train", "validation", "test")
DISTINCT = 0.9
"""Where fewer of the rows that hold little differ from each other, equal ones are no accident worth a word."""

Key = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A row: its split, its id, and its label in words."""

    split: str
    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Copy:
    """A row, and the first of all rows that is equal to it in every modality."""

    row: Place
    first: Place


def find(data: Data, facts: Mapping[str, Mapping[str, Facts]]) -> list[Copy]:
    """Return every row that an earlier one equals in all modalities; `facts` are modality -> split -> those of who has it.

    Rows of little content (a few numbers, a short text) count where nearly all of these differ; those of one number never.
    """
    rows = [row for split in SPLITS for row in _rows(data, split, {m: of[split] for m, of in facts.items()})]
    little = [key for key, much, _ in rows if not much]
    ordinary = len(set(little)) < DISTINCT * len(little) or _numbers(facts) < 2
    first: dict[Key, Place] = {}
    copies = []
    for key, much, place in rows:
        if not much and ordinary:
            continue
        if key in first:
            copies.append(Copy(place, first[key]))
        else:
            first[key] = place
    return copies


def _rows(data: Data, split: str, facts: Mapping[str, Facts]) -> Iterator[tuple[Key, bool, Place]]:
    """Yield of every row what it holds, whether that is much, and where it stands."""
    part: Split = getattr(data, split)
    keys: list[list[str | None]] = [[] for _ in range(len(part))]
    much = np.zeros(len(part), dtype=np.bool_)
    for modality, found in facts.items():
        here = np.flatnonzero(part.having(modality))
        hashes = dict(zip(here.tolist(), found.hashes, strict=True))
        for n, key in enumerate(keys):
            key.append(hashes.get(n))
        much[here] |= found.telling
    for n, key in enumerate(keys):
        yield tuple(key), bool(much[n]), Place(split, str(part.ids[n]), label(data, part.labels[n]))


def label(data: Data, found: object) -> str:
    """Write a label in words."""
    if data.task == "classification":
        return data.classes[int(np.asarray(found))]
    values = np.atleast_1d(np.asarray(found))
    if data.task == "multilabel":
        return " + ".join(c for c, has in zip(data.classes, values, strict=True) if has) or "none"
    return ", ".join(f"{value:g}" for value in values)


def _numbers(facts: Mapping[str, Mapping[str, Facts]]) -> int:
    """Numbers in a row, all modalities together."""
    return sum(int(np.prod(of["train"].shape)) for of in facts.values())


def words(copies: Sequence[Copy]) -> Iterator[str]:
    """Say how many rows are copies, of which split, and whether their labels agree; an example of each."""
    pairs: dict[tuple[str, str], list[Copy]] = {}
    for copy in copies:
        pairs.setdefault((copy.row.split, copy.first.split), []).append(copy)
    for (split, before), found in pairs.items():
        one = found[0]
        where = "an earlier one" if split == before else f"one of {before}"
        told = f"{len(found)} samples are equal to {where} in all modalities (such as {one.row.id} and {one.first.id})"
        yield f"Copies, {split}: {told}" + (
            "." if split == before else ", so their scores do not say what new ones would give."
        )
    if other := [copy for copy in copies if copy.row.label != copy.first.label]:
        one = other[0]
        example = f"{one.row.id} ({one.row.label}) and {one.first.id} ({one.first.label})"
        yield f"Copies that contradict: {len(other)} samples have another label than an equal one, such as {example}."
