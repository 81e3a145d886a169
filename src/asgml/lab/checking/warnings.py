"""What a reader must know of a data set before training on it, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from asgml.lab.checking import copies
from asgml.lab.checking.check import SPLITS, Checked
from asgml.lab.checking.seen import LITTLE

SINGLE = 2
"""Numbers of a sample up to which a linear probe says little of them."""


def warnings(checked: Checked) -> list[str]:
    """Return what stands out, the gravest first."""
    return [*_store(checked), *checked.told, *_samples(checked), *_leaks(checked), *_labels(checked)]


def _store(c: Checked) -> Iterator[str]:
    if c.damaged:
        yield f"Files of the store are no longer what was written: {', '.join(c.damaged)}. Prepare it again."
    if c.problems:
        yield f"{len(c.problems)} files gave no sample; their clips are left out (problems.csv)."
    for part in c.seen:
        if part.reach < LITTLE:
            yield f"{part.modality}: nothing after {100 * part.reach:.0f} % of a clip is seen."


def _samples(c: Checked) -> Iterator[str]:
    for modality, by_split in c.facts.items():
        for split, facts in by_split.items():
            if facts.not_finite:
                yield f"{modality}, {split}: {facts.not_finite} samples have values that are infinite or not a number."
            if facts.constant:
                ids = ", ".join(c.split(split).ids[list(facts.constant[:5])].tolist())
                yield f"{modality}, {split}: {len(facts.constant)} samples have one value throughout (such as {ids})."
            if facts.duplicates:
                yield f"{modality}, {split}: {facts.duplicates} samples are equal to an earlier one."


def _leaks(c: Checked) -> Iterator[str]:
    yield from copies.words(c.copies)
    for modality, pairs in c.shared.items():
        for (before, split), shared in pairs.items():
            if shared.same or shared.near:
                where = "training" if before == "train" else before
                yield (f"{modality}: of {len(c.split(split))} {split} samples {shared.same} stand in {where} too, and of "
                       f"{shared.compared} compared {shared.near} have a near twin there.")  # fmt: skip
    for split, (of, both) in c.groups.items():
        if both and of < len(c.split(split)):
            yield f"Groups: {both} of {of} in {split} stand in a split before it, so it does not say what a new one would give."


def _labels(c: Checked) -> Iterator[str]:
    for name in SPLITS:
        if missing := sorted(set(range(len(c.data.classes))) - set(c.split(name).labels.tolist())):
            yield f"{name}: no sample of {', '.join(c.data.classes[k] for k in missing)}."
    for modality, aligned in c.aligned.items():
        shape = c.facts[modality]["train"].shape
        if aligned.says_nothing and prod(shape) > SINGLE:
            on = "small pictures" if len(shape) > 1 else "its values"
            yield (f"{modality}: a linear probe on {on} is no better than chance ({100 * aligned.probe:.1f} % "
                   f"against {100 * aligned.chance:.1f} % on {aligned.compared} validation samples); look "
                   "whether labels and inputs belong together. A deep encoder may find what this does not.")  # fmt: skip
