"""What each keypad sample shows, sounds and spells, and what it is called, before any noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asgml.lab.datasets._strata import Rows
from asgml.lab.datasets._streams import stream
from asgml.lab.datasets.settings import Keypad

CLASSES: dict[str, tuple[str, ...]] = {
    "digit": tuple("0123456789"),
    "sum_mod_10": tuple("0123456789"),
    "same_or_not": ("different", "same"),
}


@dataclass(frozen=True, slots=True)
class Content:
    """One row per sample, all (N,) int64: the image it was made from, its label, the image shown, the digits heard, spelt."""

    made_from: Rows
    labels: Rows
    images: Rows
    heard: Rows
    typed: Rows


def draw(settings: Keypad, seed: int, split: str, images: Rows, digits: Rows) -> Content:
    """Return the content of a split that has these `images` (indices into `digits`, what every image shows).

    The label comes from the right digits; `wrong_share` then replaces what a modality carries, and leaves the label.
    """
    made_from = np.repeat(images, settings.tones_per_image if split == "train" else 1)
    seen = digits[made_from]
    heard = _heard(settings.task, seen, stream(seed, split, "heard"))
    carried = {"audio": heard, "visual": seen, "text": heard}
    wrong = {m: _wrong_rows(len(seen), settings.wrong_share.get(m, 0.0), stream(seed, split, "wrong", m)) for m in carried}
    for m, (rows, drawn) in wrong.items():
        carried[m] = _replaced(carried[m], rows, drawn)
    shown_wrong = _any_image(wrong["visual"][1], images, digits, stream(seed, split, "wrong image"))
    shown = _replaced(made_from, wrong["visual"][0], shown_wrong)
    return Content(made_from, _label(settings.task, seen, heard), shown, carried["audio"], carried["text"])


def _wrong_rows(n: int, share: float, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Return the rows of round(share n) samples, and the digits drawn for them from all ten.

    One in ten of these is right by chance, so whoever knows only this modality is right at most 1 - 0.9 share of the time.
    A larger share keeps the rows and the digits of a smaller one.
    """
    rows, digits = rng.permutation(n), rng.integers(10, size=n)
    kept = round(share * n)
    return rows[:kept], digits[:kept]


def _replaced(values: Rows, rows: Rows, by: Rows) -> Rows:
    changed = values.copy()
    changed[rows] = by
    return changed


def _heard(task: str, seen: Rows, rng: np.random.Generator) -> Rows:
    if task == "digit":
        return seen
    if task == "sum_mod_10":
        return rng.integers(10, size=len(seen))
    differs = rng.permutation(len(seen)) < len(seen) // 2
    return np.asarray((seen + differs * rng.integers(1, 10, size=len(seen))) % 10)


def _label(task: str, seen: Rows, heard: Rows) -> Rows:
    if task == "digit":
        return seen
    return (seen + heard) % 10 if task == "sum_mod_10" else (seen == heard).astype(np.int64)


def _any_image(wanted: Rows, images: Rows, digits: Rows, rng: np.random.Generator) -> Rows:
    """Return for every wanted digit some image of it among the split's own."""
    at = rng.random(len(wanted))
    found = np.empty(len(wanted), dtype=np.int64)
    for digit in np.unique(wanted):
        pool, here = images[digits[images] == digit], wanted == digit
        found[here] = pool[(at[here] * len(pool)).astype(np.int64)]
    return found
