"""Names that people know, as ready pairs of diagnostics and interventions that can be added: `frequency("audio", 2) + ...`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from asgml._step import Policy
from asgml.diagnostics import Diagnostic
from asgml.interventions import Delay, Intervention, Noise, OgmGe, Scale, Skip
from asgml.interventions._scope import Scope
from asgml.policies import Between, Boost, Ogm, OneIn

__all__ = ["Recipe", "boost", "frequency", "noise", "ogm", "ogm_ge", "staleness"]


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


def ogm(score: Diagnostic, alpha: float, scope: Scope = "weights", start: int = 0, stop: int | None = None) -> Recipe:
    """Hold back the encoders of modalities that are surer of the true class: OGM (`policies.Ogm`, Peng et al., CVPR 2022).

    `score` says what is compared, `diagnostics.Score` in the method. It acts in updates `start` to `stop` - 1. The released
    code's `scope` is "conv". Use it with SGD: Adam-like optimizers cancel most of it.

    >>> import torch
    >>> from asgml import recipes
    >>> from asgml.diagnostics import Score
    >>> recipes.ogm(Score({"audio": torch.nn.Linear(8, 10), "visual": torch.nn.Linear(8, 10)}), alpha=0.8).act
    (Scale(by=Ogm(alpha=0.8, score='score'), scope='weights', inertia=0.0),)
    """
    return Recipe((score,), (Scale(_held_back(score, alpha, start, stop), scope),))


def ogm_ge(
    score: Diagnostic, alpha: float, scope: Scope = "weights", start: int = 0, stop: int | None = None, *, seed: int = 0
) -> Recipe:
    """OGM with generalisation enhancement: `ogm`, and noise on every modality (`interventions.OgmGe`, Peng et al., CVPR 2022).

    >>> import torch
    >>> from asgml import recipes
    >>> from asgml.diagnostics import Score
    >>> recipes.ogm_ge(Score({"audio": torch.nn.Linear(8, 10)}), alpha=0.8, stop=500).act
    (OgmGe(by=Between(policy=Ogm(alpha=0.8, score='score'), start=0, stop=500), scope='weights', seed=0),)
    """
    return Recipe((score,), (OgmGe(_held_back(score, alpha, start, stop), scope, seed),))


def boost(
    probe: Diagnostic,
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
    >>> from asgml.diagnostics import Probe
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


def _held_back(score: Diagnostic, alpha: float, start: int, stop: int | None) -> Policy[float]:
    policy = Ogm(alpha, score.name)
    return policy if start == 0 and stop is None else Between(policy, start, stop)
