"""Which recording stands in which split, and which image it is shown with."""

from __future__ import annotations

from math import ceil

import numpy as np
import numpy.typing as npt

from asgml.lab.datasets._fsdd import Recordings
from asgml.lab.datasets._strata import Rows, shrink, stratified_order
from asgml.lab.datasets._streams import stream
from asgml.lab.datasets.settings import AVDigits
from asgml.lab.errors import InputError

OFFICIAL = 5
"""Recordings with an index below this are the Free Spoken Digit Dataset's own test set."""
HELD_OUT = 9
"""One in so many of the other recordings is for validation: 300 of 2,700."""


def cut(settings: AVDigits, recordings: Recordings, seed: int) -> tuple[dict[str, Rows], str]:
    """Return each split's recordings (their rows) and how they were split, in words; no recording stands in two.

    Raises InputError where a split would be empty, or `train_size` asks for more than there are.
    """
    by = _by_speaker if settings.split == "speaker" else _official
    rows, how = by(settings, recordings, stream(seed, "recordings", "split"))
    if empty := [name for name, found in rows.items() if not len(found)]:
        raise InputError(
            f"`dataset.root`: the {settings.split} split leaves nothing for {' and '.join(empty)}, found "
            f"{len(recordings.names)} recordings in {settings.root}, their indices {min(recordings.indices)}-"
            f"{max(recordings.indices)}; get all 3,000"
        )
    strata = (values[rows["train"]] for values in (recordings.digits, recordings.strata))
    rows["train"] = shrink(rows["train"], settings.train_size, stream(seed, "recordings", "size"), *strata)
    return rows, how


def images_for(heard: Rows, images: Rows, digits: Rows, rng: np.random.Generator) -> Rows:
    """Return for every digit heard (N,) an image of it from `images`, each used once before any is used again."""
    found = np.empty(len(heard), dtype=np.int64)
    for digit in np.unique(heard):
        here = np.flatnonzero(heard == digit)
        pool = rng.permutation(images[digits[images] == digit])
        found[rng.permutation(here)] = np.resize(pool, len(here))
    return found


def _official(settings: AVDigits, recordings: Recordings, rng: np.random.Generator) -> tuple[dict[str, Rows], str]:
    test = recordings.indices < OFFICIAL
    rest = np.flatnonzero(~test)
    rest = rest[stratified_order(rng, recordings.digits[rest], recordings.strata[rest])]
    validation, train = np.split(rest, [ceil(len(rest) / HELD_OUT)])
    how = "recordings 0-4 of each speaker and digit are the test set, validation was cut from the others at random"
    return {"train": train, "validation": validation, "test": np.flatnonzero(test)}, how


def _by_speaker(settings: AVDigits, recordings: Recordings, rng: np.random.Generator) -> tuple[dict[str, Rows], str]:
    speakers = np.unique(recordings.speakers)
    if len(speakers) < 3:
        raise InputError(
            f"`dataset.split`: by speaker there must be 3 speakers or more, found {', '.join(speakers)} in {settings.root}; "
            "add recordings, or choose split: official"
        )
    test, validation = (str(s) for s in rng.permutation(speakers)[:2])
    held_out: dict[str, npt.NDArray[np.bool_]] = {s: recordings.speakers == s for s in (test, validation)}
    train = np.flatnonzero(~(held_out[test] | held_out[validation]))
    how = f"the speaker {test} is the test set and the speaker {validation} validation"
    return {"train": train, "validation": np.flatnonzero(held_out[validation]), "test": np.flatnonzero(held_out[test])}, how
