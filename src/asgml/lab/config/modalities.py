"""Whether an experiment names only modalities that its data have, wherever it may name one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from asgml.lab.config.augment import KINDS, MEANT, Augment, Settled
from asgml.lab.errors import InputError, did_you_mean, short

if TYPE_CHECKING:
    from asgml.lab.config.schema import Cell, Experiment

UNSURE = ("", "array")
"""Kinds that may be pictures or sounds as well as anything else: their shape tells, once they are read."""


def check(found: Experiment | Cell, kinds: Mapping[str, str], of: str) -> None:
    """Raise InputError where something names a modality that is not there; `kinds` is modality -> what it holds, `of` whose."""
    if words := refusal(found, kinds, of):
        raise InputError(words)


def refusal(found: Experiment | Cell, kinds: Mapping[str, str], of: str) -> str | None:
    """Return what is wrong with the first name that means no modality of `of`; None where all do."""
    for where, modality in _named(found):
        if modality not in kinds:
            hint = did_you_mean(modality, kinds)
            return f"`{where}`: must be a modality of {of}, found {short(modality)}{hint}"
    how = found.train.augment
    wrong = next(_wrong_changes(how, kinds, of), None) if how else None
    return wrong or found.model.fusion.refusal(list(kinds), found.model.feature_dim)


def _named(found: Experiment | Cell) -> Iterator[tuple[str, str]]:
    """Every place that names a modality, and the name."""
    for name, entries in found.methods.items():
        for entry in entries:
            yield from ((f"methods.{name}.{entry.kind}.modality", m) for m in entry.named)
    yield from ((f"model.encoders.{m}", m) for m in found.model.encoders)


def _wrong_changes(how: Augment, kinds: Mapping[str, str], of: str) -> Iterator[str]:
    """What is wrong with augmentation: it goes by a modality's name, or by a kind that some modality has."""
    changed = how.of(kinds)
    for name, settings in how.named.items():
        if name not in kinds and not any(settings is one for one in changed.values()):
            known = _choice(kinds)
            hint = did_you_mean(name, known) if known else "; leave it out, since none is a picture or a sound"
            yield f"`train.augment.{name}`: must be a modality of {of} that is a picture or a sound, found {short(name)}{hint}"
    for modality, settings in changed.items():
        if not _suits(settings, kinds[modality]):
            what = "pictures and films" if isinstance(settings, MEANT["visual"]) else "sounds"
            held = "" if kinds[modality] == modality else f", which holds {kinds[modality]}"
            yield f"`train.augment.{modality}`: changes {what} alone, found {short(modality)}{held}; leave it out"


def _suits(settings: Settled, kind: str) -> bool:
    return kind in UNSURE or (kind in KINDS and isinstance(settings, MEANT[KINDS[kind]]))


def _choice(kinds: Mapping[str, str]) -> list[str]:
    """The names that augmentation may go by."""
    fit = [m for m, kind in kinds.items() if kind in KINDS or kind in UNSURE]
    return sorted({*fit, *(KINDS[kind] for kind in kinds.values() if kind in KINDS)})
