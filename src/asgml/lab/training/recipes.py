"""Entries of a method that steer or edit gradients, each made a recipe for one run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgml import Diagnostic, Recipe, recipes
from asgml.diagnostics import Difference, LossDescent, Probe, Score, Smoothed, ValidationProbe
from asgml.interventions import Noise, Skip
from asgml.lab.config import methods
from asgml.lab.training.scene import Scene
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


def dual_signal(entry: methods.DualSignal, scene: Scene) -> Recipe:
    """Let gradient norms and losses decide."""
    scene.need_classes()
    losses = scene.model.fusion.unimodal(LossDescent, window=entry.window)
    return recipes.dual_signal(losses, **entry.model_dump(exclude={"kind", "window"}))


def ogm(entry: methods.Ogm, scene: Scene) -> Recipe:
    """Scale down whoever is surer."""
    return recipes.ogm(_score(scene), entry.alpha, entry.scope, *_window(entry, scene))


def ogm_ge(entry: methods.OgmGe, scene: Scene) -> Recipe:
    """The same, with noise."""
    return recipes.ogm_ge(_score(scene), entry.alpha, entry.scope, *_window(entry, scene), seed=scene.seed)


def boost(entry: methods.Boost, scene: Scene) -> Recipe:
    """Scale up whoever lags."""
    return recipes.boost(Probe(scene.classes), **entry.model_dump(exclude={"kind"}))


def noise(entry: methods.Noise, scene: Scene) -> Recipe:
    """Add noise to gradients."""
    by = dict.fromkeys(scene.concerned(entry.modality), entry.factor)
    return Recipe(act=(Noise(by, entry.scope, scene.seed),))


def _score(scene: Scene) -> Score:
    scene.need_classes()
    return scene.model.fusion.unimodal(Score)


def _window(entry: methods.Ogm | methods.OgmGe, scene: Scene) -> tuple[int, int | None]:
    return entry.start * scene.steps_per_epoch, None if entry.stop is None else entry.stop * scene.steps_per_epoch


def _held_out(scene: Scene) -> ValidationProbe:
    """Scored four times an epoch at least: twenty updates are more than an epoch of a small data set."""
    every = max(1, min(ValidationProbe.score_every, scene.steps_per_epoch // 4))
    return ValidationProbe(scene.classes, dict(scene.model.encoders.items()), scene.steer, every)


def _descent(scene: Scene) -> LossDescent:
    scene.need_classes()
    return scene.model.fusion.unimodal(LossDescent, signed=True)


SIGNALS: dict[str, Callable[[Scene], list[Diagnostic]]] = {
    "probe": lambda scene: [scene.task.online()],
    "validation_probe": lambda scene: [_held_out(scene)],
    "score": lambda scene: [Smoothed(_score(scene))],
    "generalisation_gap": lambda scene: [
        Probe(scene.classes), _held_out(scene), Difference("probe", "validation_probe", "generalisation_gap"),
    ],
    "loss_descent": lambda scene: [Smoothed(_descent(scene))],
}  # fmt: skip
"""What may steer: the last one's reading does."""
RECIPES: dict[str, Callable[[Any, Scene], Recipe]] = {
    "frequency": frequency, "staleness": staleness, "random_side": random_side, "frozen": frozen, "adaptive": adaptive,
    "dual_signal": dual_signal, "ogm": ogm, "ogm_ge": ogm_ge, "boost": boost, "noise": noise,
}  # fmt: skip
