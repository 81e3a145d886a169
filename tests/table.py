"""Every part of the library, once: a new part is one file and one row here, and every law runs over it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cross_entropy

import toy
from asgml import Recipe, recipes
from asgml.interventions import Delay, Noise, OgmGe, Record, Scale, Skip
from asgml.monitors import (
    Conflict,
    ConflictShare,
    Difference,
    Gap,
    GradNorm,
    LossDescent,
    MultilabelProbe,
    Probe,
    RidgeProbe,
    Score,
    Smoothed,
    Speed,
    ValidationProbe,
    WeightDrift,
)
from asgml.policies import (
    Between,
    Boost,
    Constant,
    EveryK,
    FrequencyByGap,
    FrequencyBySpeed,
    Ogm,
    OneIn,
    RandomSide,
    ScaleByGap,
    StalenessByGap,
    StalenessBySpeed,
    Together,
)
from toy import CLASSES, FEATURE, Toy

Modalities = Sequence[str]


@dataclass(frozen=True)
class Row:
    """A part in a pipeline of its own, made for some modalities, acting on the first of them unless it says otherwise."""

    covers: frozenset[str]
    """Public names that this row stands for."""
    recipe: Callable[[Modalities], Recipe | Callable[[Toy], Recipe]]
    """One that needs the model itself is a function of it."""
    neutral: Callable[[Modalities], Recipe | Callable[[Toy], Recipe]] | None = None
    """The same part with settings that must change nothing; None: it never changes anything."""
    touches: Callable[[Modalities], set[str]] = lambda m: {m[0]}
    plain: bool = True
    """Built from plain values, so that `repr` must read back (L7); False for a part that holds functions or modules."""
    named: bool = False
    """Draws random numbers keyed by a modality's name, so that another name is another run (L6)."""


def looks(*measure) -> Callable[[Modalities], Recipe]:
    return lambda m: Recipe(measure=measure)


def acts(part) -> Callable[[Modalities], Recipe]:
    return lambda m: Recipe(act=(part(m),))


def never(value) -> Callable[[Modalities], Constant]:
    return lambda m: Constant({m[0]: value})


NOBODY = lambda m: set()
ANYBODY = lambda m: set(m)
ZERO = Difference("grad_norm", "grad_norm", "zero")


def looks_at(part: Callable[[Toy], object]) -> Callable[[Modalities], Callable[[Toy], Recipe]]:
    """A monitor that needs the model."""
    return lambda m: lambda model: Recipe(measure=(part(model),))


def losses(model: Toy) -> dict:
    """Every modality's loss, by its own head, on the update's whole batch."""

    def loss(m):
        inputs, labels = model.batch
        return cross_entropy(model.heads[m](model.encoders[m](inputs[m])), labels)

    return {m: lambda m=m: loss(m) for m in model.encoders}


def score(model: Toy) -> Score:
    return Score(dict(model.heads))


def head_of(m: Modalities) -> nn.Linear:
    torch.manual_seed(len(m))
    return nn.Linear(FEATURE * len(m), CLASSES)


def held_out(model: Toy) -> list:
    return toy.batches(list(model.encoders), 3, rows=6, like=model.like)


def by_gap(part, threshold: float = 0.02) -> Callable[[Modalities], Recipe]:
    """A part that acts on leads in an online probe; above 1 no lead of accuracies can be."""
    return lambda m: Recipe((Probe(CLASSES), Gap("probe", threshold)), (part,))


def by_speed(part) -> Callable[[Modalities], Recipe]:
    return lambda m: Recipe((GradNorm(), Probe(CLASSES), Speed(losses="probe")), (part,))


def own_descent(model: Toy, window: int = 3) -> LossDescent:
    return LossDescent.own_head(dict(model.heads), window=window)


def recorded(m: Modalities, *before) -> Recipe:
    record = Record("late")
    return Recipe((record,), (*before, record))


def auto(model: Toy, threshold: float) -> Recipe:
    """The recipe that needs no choice, reading at every other update."""
    return recipes.auto(CLASSES, dict(model.encoders), held_out(model), held_out(model), 2, threshold)


ROWS = {
    "GradNorm": Row(frozenset({"GradNorm", "Monitor"}), looks(GradNorm()), touches=NOBODY),
    "GradNorm every 3": Row(frozenset({"GradNorm"}), looks(GradNorm(every=3)), touches=NOBODY),
    "Probe": Row(frozenset({"Probe"}), looks(Probe(CLASSES)), touches=NOBODY),
    "Probe every 2": Row(frozenset({"Probe"}), looks(Probe(CLASSES, lr=0.5, decay=0.5, every=2)), touches=NOBODY),
    "Score": Row(frozenset({"Score"}), looks_at(lambda model: Score(dict(model.heads))), touches=NOBODY, plain=False),
    "Score split": Row(
        frozenset({"Score"}),
        lambda m: Recipe(measure=(Score.split(head_of(m), dict.fromkeys(m, FEATURE), every=2),)),
        touches=NOBODY,
        plain=False,
    ),
    "LossDescent": Row(
        frozenset({"LossDescent"}),
        looks_at(lambda model: LossDescent.zero_feature(lambda h: sum(model.heads[m](h[m]) for m in h), window=3)),
        touches=NOBODY,
        plain=False,
    ),
    "Conflict": Row(
        frozenset({"Conflict"}), looks_at(lambda model: Conflict(losses(model), every=2)), touches=NOBODY, plain=False
    ),
    "ConflictShare": Row(
        frozenset({"ConflictShare"}), looks_at(lambda model: ConflictShare(losses(model), 0.5)), touches=NOBODY, plain=False
    ),
    "WeightDrift": Row(frozenset({"WeightDrift"}), looks(WeightDrift()), touches=NOBODY),
    "ValidationProbe": Row(
        frozenset({"ValidationProbe"}),
        looks_at(lambda model: ValidationProbe(CLASSES, dict(model.encoders), held_out(model), score_every=2)),
        touches=NOBODY,
        plain=False,
    ),
    "ValidationProbe fitted anew": Row(
        frozenset({"ValidationProbe"}),
        looks_at(
            lambda model: ValidationProbe(
                CLASSES, dict(model.encoders), held_out(model), 2, training=held_out(model), decay=0.5
            )
        ),
        touches=NOBODY,
        plain=False,
    ),
    "Smoothed": Row(frozenset({"Smoothed"}), looks(Smoothed(GradNorm()), Smoothed(Probe(CLASSES), 0.5)), touches=NOBODY),
    "RidgeProbe": Row(frozenset({"RidgeProbe"}), looks(RidgeProbe()), touches=NOBODY),
    "MultilabelProbe": Row(frozenset({"MultilabelProbe"}), looks(MultilabelProbe(1)), touches=NOBODY),
    "Difference": Row(
        frozenset({"Difference", "Derived"}),
        looks(Probe(CLASSES), Probe(CLASSES, lr=0.5, name="slow", every=2), Difference("probe", "slow")),
        touches=NOBODY,
    ),
    "Gap": Row(frozenset({"Gap"}), looks(GradNorm(every=2), Gap("grad_norm", 0.05, 0.01)), touches=NOBODY),
    "Speed": Row(frozenset({"Speed"}), looks(GradNorm(), Probe(CLASSES), Speed(losses="probe")), touches=NOBODY),
    "Record": Row(frozenset({"Record"}), lambda m: recorded(m, Delay({m[0]: 2})), recorded),
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
    "Skip by gap": Row(
        frozenset({"Skip", "FrequencyByGap"}),
        by_gap(Skip(FrequencyByGap(k_max=3), at_most=2)),
        by_gap(Skip(FrequencyByGap()), 1.01),
        touches=ANYBODY,
    ),
    "Skip by speed": Row(
        frozenset({"Skip", "FrequencyBySpeed"}),
        by_speed(Skip(FrequencyBySpeed(tau_base=2))),
        by_speed(Skip(FrequencyBySpeed(tau_max=1))),
        touches=ANYBODY,
    ),
    "Skip RandomSide": Row(
        frozenset({"Skip", "RandomSide"}),
        acts(lambda m: Skip(RandomSide(m, k=2))),
        acts(lambda m: Skip(RandomSide(m, k=100))),
        touches=ANYBODY,
        named=True,
    ),
    "Delay by gap": Row(
        frozenset({"Delay", "StalenessByGap"}),
        by_gap(Delay(StalenessByGap(full=0.1))),
        by_gap(Delay(StalenessByGap()), 1.01),
        touches=ANYBODY,
    ),
    "Delay by speed": Row(
        frozenset({"Delay", "StalenessBySpeed"}),
        by_speed(Delay(StalenessBySpeed())),
        lambda m: Recipe((GradNorm(), ZERO, Speed("zero", "zero")), (Delay(StalenessBySpeed()),)),
        touches=ANYBODY,
    ),
    "Scale by gap": Row(
        frozenset({"Scale", "ScaleByGap"}),
        by_gap(Scale(ScaleByGap(full=0.2))),
        by_gap(Scale(ScaleByGap()), 1.01),
        touches=ANYBODY,
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
    "Scale weights with inertia": Row(
        frozenset({"Scale"}),
        acts(lambda m: Scale({m[0]: 0.5}, "weights", 0.7)),
        acts(lambda m: Scale(dict.fromkeys(m, 1.0), "weights", 0.7)),
    ),
    "Scale Boost": Row(
        frozenset({"Boost"}),
        lambda m: Recipe((Probe(CLASSES),), (Scale(Boost(alpha=0.75), inertia=0.5),)),
        lambda m: Recipe((Probe(CLASSES),), (Scale(Boost(alpha=0.0), inertia=0.5),)),
        touches=set,
    ),
    "Scale Ogm Between": Row(
        frozenset({"Between", "Ogm"}),
        lambda m: Recipe((Probe(CLASSES),), (Scale(Between(Ogm(0.3, "probe"), 2, 6), "weights"),)),
        lambda m: Recipe((Probe(CLASSES),), (Scale(Between(Ogm(0.3, "probe"), 8), "weights"),)),
        touches=set,
    ),
    "Noise": Row(
        frozenset({"Noise"}),
        acts(lambda m: Noise({m[0]: 0.5})),
        acts(lambda m: Noise(dict.fromkeys(m, 0.0), "all")),
        named=True,
    ),
    "Noise everywhere": Row(
        frozenset({"Noise", "noise"}),
        lambda m: recipes.noise(m[0], 2.0, "all", seed=1) + recipes.noise(m[1]),
        lambda m: recipes.noise(m[0], 0.0),
        touches=lambda m: set(m[:2]),
        named=True,
    ),
    "OgmGe": Row(
        frozenset({"OgmGe"}),
        acts(lambda m: OgmGe(Between(Constant({m[0]: 0.5}), 1, 7))),
        acts(lambda m: OgmGe(Between(Constant({m[0]: 0.5}), 8))),
        named=True,
    ),
    "ogm": Row(
        frozenset({"ogm"}),
        lambda m: lambda model: recipes.ogm(score(model), 0.3),
        lambda m: lambda model: recipes.ogm(score(model), 0.0),
        touches=set,
        plain=False,
    ),
    "ogm_ge then boost": Row(
        frozenset({"ogm_ge", "boost"}),
        lambda m: lambda model: recipes.ogm_ge(score(model), 0.3, "all", 1, 7, seed=2) + recipes.boost(Probe(CLASSES)),
        lambda m: lambda model: recipes.ogm_ge(score(model), 0.3, start=8) + recipes.boost(Probe(CLASSES), 0.0),
        touches=set,
        plain=False,
        named=True,
    ),
    "staleness": Row(
        frozenset({"staleness", "Recipe"}), lambda m: recipes.staleness(m[0], tau=2), lambda m: recipes.staleness(m[0], tau=0)
    ),
    "frequency": Row(frozenset({"frequency", "Recipe"}), lambda m: recipes.frequency(m[0], k=2), lambda m: Recipe()),
    "frequency each": Row(
        frozenset({"frequency"}),
        lambda m: recipes.frequency({m[0]: 3, m[1]: 2}, phase=2, rule="every"),
        lambda m: recipes.frequency({}),
        touches=lambda m: set(m[:2]),
    ),
    "staleness each": Row(
        frozenset({"staleness"}),
        lambda m: recipes.staleness({m[0]: 1, m[1]: 2}, warmup="fresh", damping=0.1),
        lambda m: recipes.staleness(dict.fromkeys(m, 0)),
        touches=lambda m: set(m[:2]),
    ),
    "adaptive": Row(
        frozenset({"adaptive"}),
        lambda m: recipes.adaptive([GradNorm(), Smoothed(Probe(CLASSES), 0.5)], threshold=0.01),
        lambda m: recipes.adaptive(Probe(CLASSES), threshold=1.01),
        touches=ANYBODY,
    ),
    "auto": Row(
        frozenset({"auto"}),
        lambda m: lambda model: auto(model, threshold=0.01),
        lambda m: lambda model: auto(model, threshold=2.01),
        touches=ANYBODY,
        plain=False,
    ),
    "dual_signal": Row(
        frozenset({"dual_signal"}),
        lambda m: lambda model: recipes.dual_signal(own_descent(model, 8), beta=0.75, tau_base=2),
        lambda m: lambda model: recipes.dual_signal(own_descent(model), tau_max=1),
        touches=ANYBODY,
        plain=False,
    ),
}
