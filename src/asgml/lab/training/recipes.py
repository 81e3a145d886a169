"""Entries of a method that steer or edit gradients, each made a recipe for one run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgml import Recipe, recipes
from asgml.diagnostics import LossDescent, Probe
from asgml.interventions import Noise, Skip
from asgml.lab.config import methods
from asgml.lab.training.scene import Scene
from asgml.lab.training.signals import SIGNALS, encoders, rarely, score
from asgml.policies import Between, Constant, EveryK, RandomSide


def frequency(entry: methods.Frequency, scene: Scene) -> Recipe:
    """Skip on schedule, by either rule."""
    if entry.rule == "every":
        return Recipe(act=(Skip(EveryK(entry.k, entry.modality, entry.phase)),))
    return recipes.frequency(entry.modality, entry.k, entry.phase)


def staleness(entry: methods.Staleness, scene: Scene) -> Recipe:
    """Learn from old gradients."""
    return recipes.staleness(entry.modality, entry.tau, entry.warmup, entry.damping)


def random_side(entry: methods.RandomSide, scene: Scene) -> Recipe:
    """Skip a random one on schedule."""
    return Recipe(act=(Skip(RandomSide(scene.modalities, entry.k, scene.seed)),))


def frozen(entry: methods.Frozen, scene: Scene) -> Recipe:
    """Skip for ever from an epoch on."""
    return Recipe(act=(Skip(Between(Constant({entry.modality: True}), entry.after * scene.steps_per_epoch)),))


def adaptive(entry: methods.Adaptive, scene: Scene) -> Recipe:
    """Let a signal decide."""
    settings = entry.model_dump(exclude={"kind", "signal"})
    return recipes.adaptive(SIGNALS[entry.signal](scene), **settings)


def auto(entry: methods.Auto, scene: Scene) -> Recipe:
    """Slow who learns by heart."""
    return recipes.auto(scene.classes, encoders(scene), scene.fitted, scene.steer, rarely(scene), entry.threshold)


def dual_signal(entry: methods.DualSignal, scene: Scene) -> Recipe:
    """Let gradient norms and losses decide."""
    scene.need_classes()
    losses = scene.model.fusion.unimodal(LossDescent, window=entry.window)
    return recipes.dual_signal(losses, **entry.model_dump(exclude={"kind", "window"}))


def ogm(entry: methods.Ogm, scene: Scene) -> Recipe:
    """Scale down whoever is surer."""
    return recipes.ogm(score(scene), entry.alpha, entry.scope, *_window(entry, scene))


def ogm_ge(entry: methods.OgmGe, scene: Scene) -> Recipe:
    """The same, with noise."""
    return recipes.ogm_ge(score(scene), entry.alpha, entry.scope, *_window(entry, scene), seed=scene.seed)


def boost(entry: methods.Boost, scene: Scene) -> Recipe:
    """Scale up whoever lags."""
    return recipes.boost(Probe(scene.classes), **entry.model_dump(exclude={"kind"}))


def noise(entry: methods.Noise, scene: Scene) -> Recipe:
    """Add noise to gradients."""
    by = dict.fromkeys(scene.concerned(entry.modality), entry.factor)
    return Recipe(act=(Noise(by, entry.scope, scene.seed),))


def _window(entry: methods.Ogm | methods.OgmGe, scene: Scene) -> tuple[int, int | None]:
    return entry.start * scene.steps_per_epoch, None if entry.stop is None else entry.stop * scene.steps_per_epoch


RECIPES: dict[str, Callable[[Any, Scene], Recipe]] = {
    "frequency": frequency, "staleness": staleness, "random_side": random_side, "frozen": frozen, "adaptive": adaptive,
    "auto": auto, "dual_signal": dual_signal, "ogm": ogm, "ogm_ge": ogm_ge, "boost": boost, "noise": noise,
}  # fmt: skip
