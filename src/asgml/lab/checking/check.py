"""Everything that is looked at, gathered: what the page and the terminal show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from asgml.lab.checking import copies, leakage, names, pictures, probing, samples, seen
from asgml.lab.checking.classes import as_classes
from asgml.lab.datasets._base import Data, Split

SPLITS = ("train", "validation", "test")


@dataclass
class Checked:
    """What was found in a data set; `warnings` come first wherever it is shown."""

    name: str
    data: Data
    facts: dict[str, dict[str, samples.Facts]]
    """Modality -> split -> facts."""
    shared: dict[str, dict[tuple[str, str], leakage.Shared]]
    """Modality -> a split before, and a held-out one -> what the latter shares with the former."""
    groups: dict[str, tuple[int, int]]
    """Held-out split -> its groups, and those that the splits before it have too."""
    siblings: dict[str, int | None]
    aligned: dict[str, probing.Aligned]
    sheets: dict[str, bytes]
    seen: list[seen.Seen] = field(default_factory=list)
    problems: list[dict[str, str]] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    """Files of the store whose checksum is wrong."""
    copies: list[copies.Copy] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """What stands out among its names, and where it comes from."""

    def split(self, name: str) -> Split:
        """Return a split by name."""
        part: Split = getattr(self.data, name)
        return part


def check(
    name: str, data: Data, clips: Sequence[dict[str, Any]] = (), problems: Sequence[dict[str, str]] = (),
    damaged: Sequence[str] = (), told: Sequence[str] = (),
) -> Checked:  # fmt: skip
    """Look at a data set; `clips`, `problems` and `damaged` are those of its store, where it has one.

    `told` is what stood out already, in sentences.
    """
    whole, data = data, as_classes(data)
    parts: dict[str, Split] = {s: getattr(data, s) for s in SPLITS}
    having = {m: {s: part.rows(part.having(m)) if m in part.present else part for s, part in parts.items()}
              for m in data.modalities}  # fmt: skip
    facts = {m: {s: samples.look(part.inputs[m]) for s, part in of.items()} for m, of in having.items()}
    train, held_out = parts["train"], {s: parts[s] for s in SPLITS[1:]}
    before = {"validation": [train], "test": [train, parts["validation"]]}
    return Checked(
        name, data, facts,
        {m: {(s, t): leakage.shared(facts[m][s], facts[m][t]) for s, t in combinations(SPLITS, 2)} for m in data.modalities},
        {s: leakage.groups(before[s], part) for s, part in held_out.items()},
        {s: leakage.siblings(before[s], part) for s, part in held_out.items()},
        {m: probing.probe(facts[m]["train"].thumbnails, of["train"].labels, facts[m]["validation"].thumbnails,
                          of["validation"].labels) for m, of in having.items()},
        {m: _sheet(of["train"], m, data.classes) for m, of in having.items()},
        seen.parts(clips), list(problems), list(damaged), copies.find(whole, facts), [*told, *names.words(whole)],
    )  # fmt: skip


def _sheet(train: Split, modality: str, classes: Sequence[str]) -> bytes:
    shown = pictures.examples(train, classes)
    return pictures.sheet(train.inputs[modality][shown], [classes[label] for label in train.labels[shown]])
