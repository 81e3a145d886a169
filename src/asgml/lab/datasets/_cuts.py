"""Splits of a prepared store: as published, or with no actor in two of them."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.lab.datasets._strata import Rows, stratified_order
from asgml.lab.datasets._streams import stream
from asgml.lab.datasets.settings import StoredDataset
from asgml.lab.errors import InputError
from asgml.lab.prepared.read import Store

VALIDATION = 9
"""One in so many of what is not for test is for validation: 745 of CREMA-D's 6,698 published training clips."""
TEST = 5
"""Of the actors, one in so many is for test: 19 of 91; 8 of the other 72 are for validation."""

Names = npt.NDArray[np.str_]


def cut(settings: StoredDataset, store: Store, seed: int) -> tuple[dict[str, Rows], str]:
    """Return each split's rows, and in words how they were found. InputError where one of them would be empty."""
    rng = stream(seed, "clips", "split")
    rows, how = _by_actor(store, rng) if settings.split == "actor" else _published(store, settings.split, rng)
    if empty := [name for name, found in rows.items() if not len(found)]:
        raise InputError(
            f"`dataset.split`: {settings.split} leaves nothing for {' and '.join(empty)} of the {len(store.clips)} clips in "
            f"{settings.root}; prepare more of them"
        )
    return rows, how


def _published(store: Store, split: str, rng: np.random.Generator) -> tuple[dict[str, Rows], str]:
    said, groups = store.about(split), store.about("group")
    if not (said != "").any():
        raise InputError(
            f"`dataset.split`: {split} needs the published lists, which {store.folder} was prepared without; prepare it "
            "again with --metadata, or choose split: actor"
        )
    rest = np.flatnonzero(said == "train")
    if (said == "validation").any():
        train, validation = rest, np.flatnonzero(said == "validation")
        how = "split by the published lists"
    else:
        apart = not set(groups[rest]) & set(groups[said == "test"])
        validation = _held_out(rest, groups[rest] if apart else np.arange(len(rest)), _labels(store)[rest], rng)
        train, by = np.setdiff1d(rest, validation), "by group" if apart else "at random"
        how = f"the published lists say what is for training and test, validation was cut from training {by}, as these were"
    how += f"; {unlisted} clips that they do not name are left out" if (unlisted := int((said == "").sum())) else ""
    return {"train": np.sort(train), "validation": np.sort(validation), "test": np.flatnonzero(said == "test")}, how


def _held_out(rows: Rows, units: npt.NDArray[Any], labels: Names, rng: np.random.Generator) -> Rows:
    """Draw what is for validation, stratified by label: whole units."""
    _, first, unit = np.unique(units, return_index=True, return_inverse=True)
    order = stratified_order(rng, labels[first])
    return np.asarray(rows[np.isin(unit, order[: ceil(len(order) / VALIDATION)])])


def _by_actor(store: Store, rng: np.random.Generator) -> tuple[dict[str, Rows], str]:
    """Cut the actors, stratified by sex where that is known; each of them speaks every emotion."""
    actors, first = np.unique(store.about("actor"), return_index=True)
    if len(actors) < 3:
        raise InputError(
            f"`dataset.split`: by actor there must be 3 actors or more, found {len(actors)}; choose split: published"
        )
    order = actors[stratified_order(rng, store.about("sex")[first])]
    test = ceil(len(order) / TEST)
    held_out = np.split(order, [test, test + ceil((len(order) - test) / VALIDATION)])
    rows = {name: np.flatnonzero(np.isin(store.about("actor"), some))
            for name, some in zip(("test", "validation", "train"), held_out, strict=True)}  # fmt: skip
    train, validation = len(held_out[2]), len(held_out[1])
    how = f"no actor stands in two splits: {train} are for training, {validation} for validation, {test} for test"
    return {name: rows[name] for name in ("train", "validation", "test")}, how


def _labels(store: Store) -> Names:
    return np.array([clip["label"] for clip in store.clips])
