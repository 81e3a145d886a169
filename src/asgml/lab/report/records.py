"""Reads a cell's `metrics.jsonl`, once, into series: every update's numbers column by column, every epoch's tag by tag."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np

from asgml.lab import store
from asgml.lab.report.model import Series, finite

SECONDS, MEMORY, STEPS, SAMPLES = (f"epoch/{key}" for key in ("seconds", "peak_memory", "steps", "samples"))
"""Our own tags for an epoch: its wall time, the process's peak memory in bytes, its updates, the samples that it passed."""
NUMBERS = {int, float, type(None)}
"""What a logged value may be; None stands for one that was not finite."""
Record = Mapping[str, Any]
Column = tuple[list[int], list[Any]]


def read(cell: Path) -> tuple[Record, dict[str, Series], tuple[str, ...]]:
    """Return the header, the series by tag, and what was left out because it is no finite number."""
    header: Record = {}
    columns: dict[str, Column] = {}
    points: dict[str, dict[int, Any]] = {}
    with _no_search_for_cycles():
        for block in store.blocks(cell):
            header = next((r for r in block if r["kind"] == "header"), header)
            _add_updates(columns, [r for r in block if r["kind"] == "step"])
            _add_epochs(points, [r for r in block if r["kind"] == "epoch"])
    fast = {tag: found for tag, column in columns.items() if (found := _series(*column)) is not None}
    slow, notes = finite(points | {t: dict(zip(*c, strict=True)) for t, c in columns.items() if t not in fast})
    return header, fast | slow, notes


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Parsing makes millions of small dictionaries and no cycle among them; looking for one takes a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _add_updates(columns: dict[str, Column], records: Sequence[Record]) -> None:
    for tag, at, values in of_updates(records):
        steps, found = columns.setdefault(tag, ([], []))
        steps += at
        found += values


def _add_epochs(points: dict[str, dict[int, Any]], records: Sequence[Record]) -> None:
    for record in records:
        epoch = record["epoch"]
        if type(epoch) is not int or epoch < 1:
            raise ValueError(f"an epoch must be a whole number from 1 on, found {epoch!r:.40}")
        for tag, value in _of_epoch(record).items():
            points.setdefault(tag, {})[epoch] = value


def of_updates(records: Sequence[Record]) -> Iterator[tuple[str, list[int], list[Any]]]:
    """What the report reads of many updates' records at once: tag, steps, values; `store.tags` names the same one by one."""
    if not records:
        return
    at = [r["step"] for r in records]
    yield "train/total_norm", at, [r["total_norm"] for r in records]
    yield from _by_modality("train/grad_norm", at, [r["grad_norm"] for r in records])
    applied = [r.get("applied", {}) for r in records]
    for name in _keys(applied):
        yield from _by_modality(f"train/applied_{name}", at, [a.get(name, {}) for a in applied])


def _by_modality(tag: str, at: list[int], found: Sequence[Record]) -> Iterator[tuple[str, list[int], list[Any]]]:
    for modality in _keys(found):
        has = [modality in f for f in found]
        steps = at if all(has) else list(compress(at, has))
        yield f"{tag}_{modality}", steps, [f[modality] for f in compress(found, has)]


def _keys(found: Iterable[Record]) -> list[str]:
    return sorted(set().union(*found))


def _series(steps: list[int], values: list[Any]) -> Series | None:
    """The column as it is; None where a step is no step forward or a value no finite number.

    Raises ValueError for what is no number at all.
    """
    if not (set(map(type, values)) <= NUMBERS and set(map(type, steps)) <= {int}):
        raise ValueError("an update must hold numbers, and its step be a whole one")
    if np.isfinite(np.array(values, dtype=float)).all() and (np.diff(steps) > 0).all():
        return Series(tuple(steps), tuple(values))
    return None


def _of_epoch(record: Record) -> dict[str, Any]:
    own = {tag: record[key] for tag in (SECONDS, MEMORY, STEPS, SAMPLES) if (key := tag.removeprefix("epoch/")) in record}
    return store.tags(record) | own
