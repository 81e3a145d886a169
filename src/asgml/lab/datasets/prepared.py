"""A data set out of a prepared store: which clip stands in which split, and what a model gets of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from asgml.lab.datasets import _cuts
from asgml.lab.datasets._base import Array, Data, Test, Train, Validation
from asgml.lab.datasets._strata import Rows
from asgml.lab.datasets.settings import StoredDataset
from asgml.lab.errors import InputError
from asgml.lab.prepared.read import Store, open_store
from asgml.lab.prepared.stored import Stored

ENOUGH = 512
"""Training clips, evenly over all, that the scale of a spectrum is taken from."""
MEAN = np.array([0.485, 0.456, 0.406], np.float32)[:, None, None]
SD = np.array([0.229, 0.224, 0.225], np.float32)[:, None, None]
"""Of ImageNet's pixels, red, green, blue, in 0-1: what pretrained image encoders expect."""


def load_prepared(settings: StoredDataset, seed: int) -> Data:
    """Split a store's clips; arrays stay in their files.

    `audio` (N, 1, F, T): every frequency with mean 0 and standard deviation 1 over training clips. `visual` (N, 3, S, S), or
    (N, T, 3, S, S) where a clip has several frames: colours less ImageNet's mean, over its standard deviation. `flow`
    (N, 2 P, S, S): from -1 to 1. `text` (N, L): character ids. `groups` name the actor, or the video that a clip was cut from.
    Raises InputError where there is no whole store of this data set, or it does not know what the split needs.
    """
    store = open_store(settings.root)
    if store.index["name"] != settings.name:
        raise InputError(f"`dataset.root`: must be a store of {settings.name}, found one of {store.index['name']}")
    rows, how = _cuts.cut(settings, store, seed)
    inputs = {m: store.stored(m, CONVERTERS[m](store, m, rows["train"])) for m in settings.modalities}
    labels = np.array([store.classes.index(clip["label"]) for clip in store.clips], dtype=np.int64)
    ids, groups = np.array([clip["id"] for clip in store.clips]), store.about("actor" if settings.name == "cremad" else "group")

    def fields(split: str) -> tuple[dict[str, Stored], Rows, npt.NDArray[np.str_], npt.NDArray[np.str_]]:
        r = rows[split]
        return {m: x[r] for m, x in inputs.items()}, labels[r], ids[r], groups[r]

    train, validation, test = Train(*fields("train")), Validation(*fields("validation")), Test(*fields("test"))
    left_out = f"{store.index['problems']} files gave no sample and are listed in the store's problems.csv"
    note = f"{len(labels)} clips of {settings.name} (store {store.content}); {how}; {left_out}."
    return Data(train, validation, test, store.classes, note)


def _scaled(store: Store, modality: str, train: Rows) -> Callable[[Array], Array]:
    some = train[np.unique(np.linspace(0, len(train) - 1, min(ENOUGH, len(train))).astype(np.int64))]
    seen = store.stored(modality, _as_it_is)[np.sort(some)].raw()
    mean = seen.mean(axis=(0, 2), dtype=np.float64).astype(np.float32)[:, None]
    factor = (1 / np.maximum(seen.std(axis=(0, 2), dtype=np.float64), 1e-6)).astype(np.float32)[:, None]
    return lambda raw: ((raw - mean) * factor).reshape(len(raw), 1, *raw.shape[1:])  # [:, None] has another stride


def _coloured(store: Store, modality: str, train: Rows) -> Callable[[Array], Array]:
    factor, shift = (1 / (255 * SD)).astype(np.float32), -MEAN / SD

    def convert(raw: Array) -> Array:
        pixels = np.multiply(raw, factor, dtype=np.float32)
        pixels += shift
        return pixels[:, 0] if pixels.shape[1] == 1 else pixels

    return convert


def _as_it_is(raw: Array) -> Array:
    return raw


def _centred(store: Store, modality: str, train: Rows) -> Callable[[Array], Array]:
    return lambda raw: np.multiply(raw, np.float32(1 / 128), dtype=np.float32) - np.float32(1)


def _characters(store: Store, modality: str, train: Rows) -> Callable[[Array], Array]:
    return lambda raw: raw.astype(np.int64)


CONVERTERS: dict[str, Callable[[Store, str, Rows], Callable[[Array], Array]]] = {
    "audio": _scaled, "visual": _coloured, "flow": _centred, "text": _characters,
}  # fmt: skip
