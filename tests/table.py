"""Every part of the library, once: a new part is one file and one row here, and every law runs over it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from asgml import Recipe, recipes
from asgml.diagnostics import GradNorm, Probe
from asgml.interventions import Delay, Scale, Skip
from asgml.policies import Constant, EveryK, OneIn, Together
from toy import CLASSES

Modalities = Sequence[str]


@dataclass(frozen=True)
class Row:
    """A part in a pipeline of its own, made for some modalities, acting on the first of them unless it says otherwise."""

    covers: frozenset[str]
    """Public names that this row stands for."""
    recipe: Callable[[Modalities], Recipe]
    neutral: Callable[[Modalities], Recipe] | None = None
    """The same part with settings that must change nothing; None: it never changes anything."""
    touches: Callable[[Modalities], set[str]] = lambda m: {m[0]}


def looks(*measure) -> Callable[[Modalities], Recipe]:
    return lambda m: Recipe(measure=measure)


def acts(part) -> Callable[[Modalities], Recipe]:
    return lambda m: Recipe(act=(part(m),))


def never(value) -> Callable[[Modalities], Constant]:
    return lambda m: Constant({m[0]: value})


NOBODY = lambda m: set()

ROWS = {
    "GradNorm": Row(frozenset({"GradNorm", "Diagnostic"}), looks(GradNorm()), touches=NOBODY),
    "GradNorm every 3": Row(frozenset({"GradNorm"}), looks(GradNorm(every=3)), touches=NOBODY),
    "Probe": Row(frozenset({"Probe"}), looks(Probe(CLASSES)), touches=NOBODY),
    "Probe every 2": Row(frozenset({"Probe"}), looks(Probe(CLASSES, lr=0.5, decay=0.5, every=2)), touches=NOBODY),
    "Skip OneIn": Row(
        frozenset({"Skip", "OneIn", "Intervention"}),
        acts(lambda m: Skip(OneIn(3, m[0], phase=1))),
        acts(lambda m: Skip(never(False)(m))),
    ),
    "Skip EveryK": Row(
        frozenset({"Skip", "EveryK"}), acts(lambda m: Skip(EveryK(3, m[0]))), acts(lambda m: Skip(never(False)(m)))
    ),
    "Skip guarded": Row(
        frozenset({"Skip", "Constant"}), acts(lambda m: Skip(never(True)(m), at_most=2)), acts(lambda m: Skip(never(False)(m)))
    ),
    "Skip two": Row(
        frozenset({"Skip", "Together"}),
        acts(lambda m: Skip(Together((OneIn(2, m[0]), OneIn(3, m[1]))))),
        acts(lambda m: Skip(Constant(dict.fromkeys(m, False)))),
        touches=lambda m: set(m[:2]),
    ),
    "Delay": Row(
        frozenset({"Delay"}), acts(lambda m: Delay({m[0]: 2})), acts(lambda m: Delay(dict.fromkeys(m, 0), damping=0.5))
    ),
    "Delay fresh": Row(
        frozenset({"Delay"}), acts(lambda m: Delay({m[0]: 3}, "fresh", 0.1)), acts(lambda m: Delay({m[0]: 0}, "fresh"))
    ),
    "Delay policy": Row(
        frozenset({"Delay"}),
        acts(lambda m: Delay(Together((Constant({m[0]: 1}), Constant({m[1]: 3}))))),
        acts(lambda m: Delay({})),
        touches=lambda m: set(m[:2]),
    ),
    "Skip then Delay": Row(
        frozenset({"Skip", "Delay"}),
        lambda m: Recipe((GradNorm(), Probe(CLASSES)), (Skip(OneIn(3, m[0])), Delay({m[0]: 1, m[1]: 2}))),
        acts(lambda m: Delay({})),
        touches=lambda m: set(m[:2]),
    ),
    "Scale": Row(frozenset({"Scale"}), acts(lambda m: Scale({m[0]: 0.5})), acts(lambda m: Scale(dict.fromkeys(m, 1.0)))),
    "Scale then Delay": Row(
        frozenset({"Scale", "Delay"}),
        lambda m: Recipe(act=(Scale({m[0]: 0.5}), Delay({m[0]: 2}))),
        lambda m: Recipe(act=(Scale({m[0]: 1}), Delay({m[0]: 0}))),
    ),
    "staleness": Row(
        frozenset({"staleness", "Recipe"}), lambda m: recipes.staleness(m[0], tau=2), lambda m: recipes.staleness(m[0], tau=0)
    ),
    "frequency": Row(frozenset({"frequency", "Recipe"}), lambda m: recipes.frequency(m[0], k=2), lambda m: Recipe()),
}
