"""From numbers to a verdict: rules in the order of one chain, as data. The first that holds is a modality's verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

Facts = Mapping[str, Tensor]
"""A modality's numbers, and `accuracy`, `chance`, `best_probe`, `best_solo` of the whole, each (1 + R,)."""


@dataclass(frozen=True)
class Thresholds:
    """Where the rules draw their lines, in shares 0-1. Set on planted cases and then frozen: docs/diagnosis.md."""

    nothing: float = 0.04
    """A reference (or probe) less than this above the commonest class knows nothing."""
    left_behind: float = 0.11
    """solo - probe."""
    worse: float = 0.25
    """By how much a modality is worse than the best, by references or, without them, by probes."""
    unused: float = 0.05
    """A modality whose permuting costs less than this is not used."""
    ignored: float = 0.15
    """The Shapley value, as a share of what the probe knows above the commonest class, below which it counts as ignored."""
    memorised: float = 0.2
    """Probe on training samples - probe on held-out ones."""


FROZEN = Thresholds()


@dataclass(frozen=True)
class Rule:
    """A verdict, when it is given, and what then is said and advised; braces hold numbers of the diagnosis."""

    verdict: str
    when: str
    holds: Callable[[Facts, Thresholds], Tensor]
    says: str
    advice: str
    needs: frozenset[str] = frozenset()
    """Numbers without which it is passed over."""
    lacks: frozenset[str] = frozenset()
    """Numbers with which it is passed over."""

    def applies(self, facts: Facts) -> bool:
        """Whether it can be asked at all."""
        return self.needs <= facts.keys() and not self.lacks & facts.keys()


def _left_behind(f: Facts, t: Thresholds) -> Tensor:
    return f["left_behind"] > t.left_behind


def _reference_failed(f: Facts, t: Thresholds) -> Tensor:
    """Whether the reference knows little, though a probe shows that the data hold more."""
    knows_nothing = (f["solo"] - f["chance"] < t.nothing) & (f["probe"] - f["chance"] >= t.nothing) & (f["probe"] > f["solo"])
    is_poor = (f["best_solo"] - f["solo"] > t.worse) & (f["probe"] - f["solo"] > t.left_behind)
    return knows_nothing | is_poor


def _ignored(f: Facts, t: Thresholds) -> Tensor:
    known = f["probe"] - f["chance"]
    return (known > t.nothing) & (f["permuting"] < t.unused) & (_credit(f) < t.ignored * known)


def _credit(f: Facts) -> Tensor:
    return f["shapley"] if "shapley" in f else f["only"] - f["chance"]


SOLO = frozenset({"solo"})
RULES = (
    Rule(
        "left behind",
        "solo - probe is large",
        _left_behind,
        "alone it reaches {solo}, but a probe of its encoder here only {probe}: the encoder was left behind",
        "slow the leader down: recipes.frequency({leader!r}, k=2), or give every encoder a loss of its own",
        needs=SOLO,
    ),
    Rule(
        "reference did not learn",
        "solo is near the commonest class or far below the best one, but the probe is above it",
        _reference_failed,
        "alone it reaches {solo}, the commonest class is {chance}, but a probe of its encoder here reaches {probe}: "
        "the reference did not learn what the data hold",
        "train the reference for longer, or at another learning rate, before judging the modality",
        needs=SOLO,
    ),
    Rule(
        "no information",
        "solo is near the commonest class",
        lambda f, t: f["solo"] - f["chance"] < t.nothing,
        "alone it reaches {solo}, the commonest class is {chance}: the data hold nothing of the label",
        "leave the training alone: nothing here can be balanced; check the data, or leave the modality out",
        needs=SOLO,
    ),
    Rule(
        "poor data",
        "solo is far below the best one",
        lambda f, t: f["best_solo"] - f["solo"] > t.worse,
        "alone it reaches {solo}, the best modality {best_solo}: its data are poorer, and its encoder has what is in them",
        "leave the training alone: nothing was left behind; better data may help",
        needs=SOLO,
    ),
    Rule(
        "ignored",
        "the probe is above chance, but permuting costs nothing and the Shapley value is a small part of it",
        _ignored,
        "a probe of its encoder reaches {probe}, but permuting it costs {permuting} and its Shapley value is {shapley}: "
        "the fusion ignores it",
        "train the fusion again on frozen encoders, or drop other modalities at random while training",
    ),
    Rule(
        "memorises",
        "the probe on training samples is far better than on held-out ones",
        lambda f, t: f["memorised"] > t.memorised,
        "a probe of its encoder is {memorised} better on training samples than on held-out ones: it memorises",
        "more distinct samples or stronger augmentation; or slow it: recipes.frequency({modality!r}, k=2)",
    ),
    Rule(
        "behind, cause unknown",
        "the probe is far below the best one, and there is no unimodal reference",
        lambda f, t: f["best_probe"] - f["probe"] > t.worse,
        "a probe of its encoder reaches {probe}, the best one {best_probe}: it was left behind, or its data are poorer",
        "train it alone and give the result as `solo`: that tells the two apart",
        lacks=SOLO,
    ),
    Rule(
        "balanced",
        "none of the others holds",
        lambda f, t: torch.ones_like(f["probe"], dtype=torch.bool),
        "a probe of its encoder reaches {probe}, permuting it costs {permuting}: balanced",
        "leave it alone",
    ),
)


def decide(facts: Facts, thresholds: Thresholds = FROZEN) -> tuple[Rule, float | None]:
    """Return the first rule that holds, and in what share (0-1) of resamples the same one does; None without resamples."""
    asked = [rule for rule in RULES if rule.applies(facts)]
    held = torch.stack([rule.holds(facts, thresholds) for rule in asked])
    first = held.int().argmax(0)
    sure = (first[1:] == first[0]).double().mean().item() if len(first) > 1 else None
    return asked[int(first[0])], sure
