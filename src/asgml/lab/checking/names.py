"""Names that mean the same and are written otherwise, or that mean nothing: classes, groups and ids."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from asgml.lab.datasets._base import Data
from asgml.lab.datasets.manifest.table import MISSING

SPLITS = ("train", "validation", "test")
FEW = 3
"""Examples of one thing."""


def words(data: Data) -> Iterator[str]:
    """Say which names stand out in a data set as it was read."""
    ids, groups = (_all(data, field) for field in ("ids", "groups"))
    classes = data.classes if data.task != "regression" else ()
    yield from _alike("Classes", "count as different ones", classes)
    if unknown := [name for name in classes if name.strip().casefold() in MISSING]:
        yield (f"Classes: {_listed(unknown)} may mean that the label is not known; take these samples out, or give the class "
               "another name.")  # fmt: skip
    if groups != ids:
        yield from _alike("Groups", "may stand in two splits", groups)
    yield from apart("Names", {*classes, *groups, *ids})


def apart(what: str, names: Iterable[str]) -> Iterator[str]:
    """Say which names are written with accents apart from their letters."""
    if found := sorted(name for name in set(names) if unicodedata.normalize("NFC", name) != name):
        yield (f"{what}: {len(found)} are written with accents apart from their letters (Unicode's NFD, as macOS writes them), "
               f"such as {found[0]!r}: the same name typed elsewhere is another one; write all in NFC.")  # fmt: skip


def _all(data: Data, field: str) -> list[str]:
    return sorted({name for split in SPLITS for name in getattr(getattr(data, split), field).tolist()})


def _alike(what: str, effect: str, names: Iterable[str]) -> Iterator[str]:
    """Say which names differ in capitals, spaces or the encoding of accents alone."""
    by_sense: dict[str, list[str]] = {}
    for name in names:
        by_sense.setdefault(_sense(name), []).append(name)
    twins = [found for found in by_sense.values() if len(found) > 1]
    for found in twins[:FEW]:
        yield f"{what}: {_listed(found)} differ only in capitals, spaces or accents, and {effect}; write them in one way."
    if len(twins) > FEW:
        yield f"{what}: {len(twins) - FEW} more are written in two ways."


def _sense(name: str) -> str:
    plain = unicodedata.normalize("NFC", name).casefold()
    if any(c.isalpha() for c in plain):  # 1 and -1 are two numbers
        plain = plain.replace("_", " ").replace("-", " ")
    return " ".join(plain.split()) or name


def _listed(names: list[str]) -> str:
    return " and ".join(ascii(name) if unicodedata.normalize("NFC", name) != name else repr(name) for name in names)
