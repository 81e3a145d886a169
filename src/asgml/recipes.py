"""Names that people know, as ready pairs of monitors and interventions that can be added: `frequency("audio", 2) + ...`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from asgml._step import Policy
from asgml.interventions import Delay, Intervention, Noise, OgmGe, Scale, Skip
from asgml.interventions._scope import Scope
from asgml.monitors import Difference, Gap, GradNorm, LossDescent, Monitor, Probe, Speed, ValidationProbe
from asgml.monitors._held_out import Batch
from asgml.monitors._validation_probe import Encoders
from asgml.policies import (
    Between,
    Boost,
    EveryK,
    FrequencyByGap,
    FrequencyBySpeed,
    Ogm,
    OneIn,
    ScaleByGap,
    StalenessByGap,
    StalenessBySpeed,
    Together,
)

__all__ = ["Recipe", "adaptive", "auto", "boost", "dual_signal", "frequency", "noise", "ogm", "ogm_ge", "staleness"]

T = TypeVar("T")


@dataclass(frozen=True)
class Recipe:
    """Monitors and interventions that belong together. Data: every Balancer takes fresh copies, so it can be used again.

    `a + b` is a's parts, then b's, in that order: of equal monitors one is kept, different ones of one name are refused;
    exclusive interventions of one class become one where the first stood, if they act on different modalities.
    """

    measure: tuple[Monitor, ...] = ()
    act: tuple[Intervention, ...] = ()

    def __add__(self, other: Recipe) -> Recipe:
        measure, act = list(self.measure), list(self.act)
        for monitor in other.measure:
            if clash := [d for d in measure if d.name == monitor.name and d != monitor]:
                raise ValueError(f"{clash[0]!r} and {monitor!r} share the name {monitor.name!r} but differ: use one of them")
            if monitor not in measure:
                measure.append(monitor)
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


def adaptive(
    signal: Monitor | Sequence[Monitor],
    drive: Literal["frequency", "staleness", "scale"] = "frequency",
    threshold: float = 0.1,
    release: float | None = None,
    k_max: int = 4,
    tau_max: int = 4,
    floor: float = 0.1,
    full: float = 0.5,
) -> Recipe:
    """Slow whoever leads the weakest modality in a signal by more than `threshold`, the more the further ahead it is.

    Of several monitors the last one's reading steers, smoothed ones best. `threshold` and `release` are `monitors.Gap`'s,
    in the signal's unit; `drive` says what slows: `policies.FrequencyByGap(k_max)`, `StalenessByGap(tau_max, full)` or
    `ScaleByGap(floor, full)`. While no lead has exceeded the threshold, training is bit for bit what it is without.

    >>> from asgml import recipes
    >>> from asgml.monitors import Probe
    >>> recipes.adaptive(Probe(classes=10)).act
    (Skip(when=FrequencyByGap(gap='gap', k_max=4), at_most='auto'),)
    """
    signals = (signal,) if isinstance(signal, Monitor) else tuple(signal)
    if not signals:
        raise ValueError("`signal` must be a Monitor or several, of which the last one steers; found none")
    gap = Gap(signals[-1].name, threshold, release)
    drives: dict[str, Callable[[], Intervention]] = {
        "frequency": lambda: Skip(FrequencyByGap(gap.name, k_max)),
        "staleness": lambda: Delay(StalenessByGap(gap.name, tau_max, full)),
        "scale": lambda: Scale(ScaleByGap(gap.name, floor, full)),
    }
    return Recipe((*signals, gap), (_one_of(drives, drive, "drive")(),))


def auto(
    classes: int,
    encoders: Encoders,
    training: Iterable[Batch],
    held_out: Iterable[Batch],
    every: int = 100,
    threshold: float = 0.1,
    ignore_index: int = -100,
) -> Recipe:
    """Skip updates of whoever learns its training samples by heart, more than the others by `threshold`; told nothing else.

    `adaptive` on the generalisation gap: the accuracy (share, 0-1) of an online `Probe` on the rows that are trained on, less
    that of a probe which is fitted every `every` updates to a batch of `training` and scored on one of `held_out`
    (`monitors.ValidationProbe` says what the two must hold). Samples held out here must be neither trained on nor reported.
    Rows whose label is `ignore_index` are left out.

    >>> import torch
    >>> from asgml import recipes
    >>> batch = ({"audio": torch.ones(8, 4)}, torch.zeros(8, dtype=torch.long))
    >>> [d.name for d in recipes.auto(10, {"audio": torch.nn.Linear(4, 2)}, [batch], [batch]).measure]
    ['probe', 'validation_probe', 'generalisation_gap', 'gap']
    """
    told = ValidationProbe(classes, encoders, held_out, every, decay=0.5, training=training, ignore_index=ignore_index)
    by_heart = Difference("probe", told.name, "generalisation_gap")
    return adaptive((Probe(classes, ignore_index=ignore_index), told, by_heart), threshold=threshold)


def dual_signal(
    losses: LossDescent,
    drive: Literal["frequency", "staleness"] = "frequency",
    beta: float = 0.5,
    tau_base: float = 1.0,
    tau_max: int = 8,
    kappa: float = 3.0,
) -> Recipe:
    """Slow whoever learns faster than the mean by gradient norm and loss descent together (`monitors.Speed`).

    `beta` weighs the norm; `drive` says what slows: `policies.FrequencyBySpeed` or `StalenessBySpeed`, which tell what
    tau_base, tau_max and kappa do. Like ASGML's dual signal it has no threshold. `losses` is read with its sign, and `Speed`
    takes the size: so it is that of the mean loss over all ranks, not the mean of every rank's size.

    >>> import torch
    >>> from asgml import recipes
    >>> from asgml.monitors import LossDescent
    >>> heads = {"audio": torch.nn.Linear(4, 10), "visual": torch.nn.Linear(6, 10)}
    >>> recipes.dual_signal(LossDescent.own_head(heads), "staleness").act
    (Delay(tau=StalenessBySpeed(speed='speed', tau_base=1.0, tau_max=8, kappa=3.0), warmup='hold', damping=0.0),)
    """
    norms, losses = GradNorm(), replace(losses, signed=True)
    speed = Speed(norms.name, losses.name, beta)
    drives: dict[str, Callable[[], Intervention]] = {
        "frequency": lambda: Skip(FrequencyBySpeed(speed.name, tau_base, tau_max, kappa)),
        "staleness": lambda: Delay(StalenessBySpeed(speed.name, tau_base, tau_max, kappa)),
    }
    return Recipe((norms, losses, speed), (_one_of(drives, drive, "drive")(),))


def frequency(
    modality: str | Mapping[str, int], k: int | None = None, phase: int = 0, rule: Literal["one_in", "every"] = "one_in"
) -> Recipe:
    """Skip one of every k updates of a modality's encoder (`policies.OneIn`): k = 2 skips 50 %, 3 33 %, 4 25 %.

    `rule="every"` updates it once every k (`policies.EveryK`): 50, 67, 75 %. A mapping modality -> k gives each its own.

    >>> from asgml import recipes
    >>> recipes.frequency("audio", 2).act
    (Skip(when=OneIn(k=2, modality='audio', phase=0), at_most='auto'),)
    >>> recipes.frequency({"audio": 2, "text": 5}).act[0].modalities == {"audio", "text"}
    True
    """
    rules: dict[str, type[OneIn] | type[EveryK]] = {"one_in": OneIn, "every": EveryK}
    period = _one_of(rules, rule, "rule")
    each = [period(n, m, phase) for m, n in _per_modality(modality, k, "k").items()]
    return Recipe(act=(Skip(each[0] if len(each) == 1 else Together(tuple(each))),))


def staleness(
    modality: str | Mapping[str, int],
    tau: int | None = None,
    warmup: Literal["hold", "fresh"] = "hold",
    damping: float = 0.0,
) -> Recipe:
    """Let a modality's encoder learn from gradients that are tau updates old (`interventions.Delay`); 0: plain training.

    A mapping modality -> tau gives each its own.

    >>> from asgml import recipes
    >>> (recipes.frequency("audio", 2) + recipes.staleness("visual", 2)).act[1]
    Delay(tau=Constant(settings={'visual': 2}), warmup='hold', damping=0.0)
    """
    return Recipe(act=(Delay(_per_modality(modality, tau, "tau"), warmup, damping),))


def ogm(score: Monitor, alpha: float, scope: Scope = "weights", start: int = 0, stop: int | None = None) -> Recipe:
    """Hold back the encoders of modalities that are surer of the true class: OGM (`policies.Ogm`, Peng et al., CVPR 2022).

    `score` says what is compared, `monitors.Score` in the method. It acts in updates `start` to `stop` - 1. The released
    code's `scope` is "conv". Use it with SGD: Adam-like optimizers cancel most of it.

    >>> import torch
    >>> from asgml import recipes
    >>> from asgml.monitors import Score
    >>> recipes.ogm(Score({"audio": torch.nn.Linear(8, 10), "visual": torch.nn.Linear(8, 10)}), alpha=0.8).act
    (Scale(by=Ogm(alpha=0.8, score='score'), scope='weights', inertia=0.0),)
    """
    return Recipe((score,), (Scale(_held_back(score, alpha, start, stop), scope),))


def ogm_ge(
    score: Monitor, alpha: float, scope: Scope = "weights", start: int = 0, stop: int | None = None, *, seed: int = 0
) -> Recipe:
    """OGM with generalisation enhancement: `ogm`, and noise on every modality (`interventions.OgmGe`, Peng et al., CVPR 2022).

    >>> import torch
    >>> from asgml import recipes
    >>> from asgml.monitors import Score
    >>> recipes.ogm_ge(Score({"audio": torch.nn.Linear(8, 10)}), alpha=0.8, stop=500).act
    (OgmGe(by=Between(policy=Ogm(alpha=0.8, score='score'), start=0, stop=500), scope='weights', seed=0),)
    """
    return Recipe((score,), (OgmGe(_held_back(score, alpha, start, stop), scope, seed),))


def boost(
    probe: Monitor,
    alpha: float = 0.5,
    scale_max: float = 2.0,
    normalise: Literal["absolute", "gap"] = "absolute",
    reference: float = 0.1,
    inertia: float = 0.0,
) -> Recipe:
    """Let the encoders of modalities that lag in `probe`'s reading take larger steps (`policies.Boost`), biases included.

    ASGML's research code is `normalise="gap", inertia=0.7`. With `ogm_ge` it comes after: `ogm_ge(...) + boost(...)`. Use it
    with SGD: Adam-like optimizers cancel most of it.

    >>> from asgml import recipes
    >>> from asgml.monitors import Probe
    >>> recipes.boost(Probe(classes=10)).act[0].by
    Boost(reading='probe', alpha=0.5, scale_max=2.0, normalise='absolute', reference=0.1)
    """
    by = Boost(probe.name, alpha, scale_max, normalise, reference)
    return Recipe((probe,), (Scale(by, inertia=inertia),))


def noise(modality: str, factor: float = 1.0, scope: Scope = "weights", *, seed: int = 0) -> Recipe:
    """Add noise of `factor` times their own spread to the gradients of a modality's encoder (`interventions.Noise`).

    >>> from asgml import recipes
    >>> recipes.noise("audio", 0.5).act
    (Noise(by=Constant(settings={'audio': 0.5}), scope='weights', seed=0),)
    """
    return Recipe(act=(Noise({modality: factor}, scope, seed),))


def _held_back(score: Monitor, alpha: float, start: int, stop: int | None) -> Policy[float]:
    policy = Ogm(alpha, score.name)
    return policy if start == 0 and stop is None else Between(policy, start, stop)


def _per_modality(modality: str | Mapping[str, int], setting: int | None, argument: str) -> Mapping[str, int]:
    if isinstance(modality, Mapping):
        if setting is not None:
            raise ValueError(f"`{argument}` stands in the mapping {dict(modality)} already, found {setting!r} beside it")
        return modality
    if setting is None:
        raise ValueError(f"`{argument}` must be given for {modality!r}, or a mapping modality -> {argument}, found None")
    return {modality: setting}


def _one_of(choices: Mapping[str, T], choice: str, argument: str) -> T:
    if choice not in choices:
        raise ValueError(f"`{argument}` must be one of {list(choices)}, found {choice!r}")
    return choices[choice]
