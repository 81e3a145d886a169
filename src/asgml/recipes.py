"""Names that people know, as ready pairs of diagnostics and interventions that can be added: `frequency("audio", 2) + ...`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from asgml.diagnostics import Diagnostic
from asgml.interventions import Delay, Intervention, Skip
from asgml.policies import OneIn

__all__ = ["Recipe", "frequency", "staleness"]


@dataclass(frozen=True)
class Recipe:
    """Diagnostics and interventions that belong together. Data: every Balancer takes fresh copies, so it can be used again.

    `a + b` is a's parts, then b's, in that order: of equal diagnostics one is kept, different ones of one name are refused;
    exclusive interventions of one class become one where the first stood, if they act on different modalities.
    """

    measure: tuple[Diagnostic, ...] = ()
    act: tuple[Intervention, ...] = ()

    def __add__(self, other: Recipe) -> Recipe:
        measure, act = list(self.measure), list(self.act)
        for diagnostic in other.measure:
            if clash := [d for d in measure if d.name == diagnostic.name and d != diagnostic]:
                raise ValueError(
                    f"{clash[0]!r} and {diagnostic!r} share the name {diagnostic.name!r} but differ: use one of them"
                )
            if diagnostic not in measure:
                measure.append(diagnostic)
        for part in other.act:
            same = [n for n, p in enumerate(act) if part.exclusive and type(p) is type(part)]
            if same:
                act[same[0]] = act[same[0]].joined(part)
            else:
                act.append(part)
        return Recipe(tuple(measure), tuple(act))

    def fresh(self) -> Recipe:
        """Return the same parts without memory."""
        made: dict[int, Any] = {id(part): part.fresh() for part in (*self.measure, *self.act)}  # one in both stays one
        return Recipe(tuple(made[id(d)] for d in self.measure), tuple(made[id(p)] for p in self.act))


def frequency(modality: str, k: int, phase: int = 0) -> Recipe:
    """Skip one of every k updates of a modality's encoder (`policies.OneIn`): k = 2 skips 50 %, 3 33 %, 4 25 %.

    >>> from asgml import recipes
    >>> recipes.frequency("audio", 2).act
    (Skip(when=OneIn(k=2, modality='audio', phase=0), at_most='auto'),)
    """
    return Recipe(act=(Skip(OneIn(k, modality, phase)),))


def staleness(modality: str, tau: int, warmup: Literal["hold", "fresh"] = "hold", damping: float = 0.0) -> Recipe:
    """Let a modality's encoder learn from gradients that are tau updates old (`interventions.Delay`); 0: plain training.

    >>> from asgml import recipes
    >>> (recipes.frequency("audio", 2) + recipes.staleness("visual", 2)).act[1]
    Delay(tau=Constant(settings={'visual': 2}), warmup='hold', damping=0.0)
    """
    return Recipe(act=(Delay({modality: tau}, warmup, damping),))
