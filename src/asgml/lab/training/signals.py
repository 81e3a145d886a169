"""What may steer an adaptive method, each made for one run."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from asgml import Diagnostic
from asgml.diagnostics import Difference, LossDescent, Probe, Score, Smoothed, ValidationProbe
from asgml.lab.training.scene import Scene


def encoders(scene: Scene) -> dict[str, nn.Module]:
    """Return modality -> its encoder."""
    return dict(scene.model.encoders.items())


def score(scene: Scene) -> Score:
    """The true class's probability by what the fusion says of each modality alone."""
    scene.need_classes()
    return scene.model.fusion.unimodal(Score)


def rarely(scene: Scene) -> int:
    """Return after how many updates held-out samples are looked at again: once an epoch, every hundredth update at least."""
    return max(1, min(100, scene.steps_per_epoch))


def _held_out(scene: Scene) -> ValidationProbe:
    every, decay = rarely(scene), 0.5
    return ValidationProbe(scene.classes, encoders(scene), scene.steer, every, decay=decay, training=scene.fitted)


def _descent(scene: Scene) -> LossDescent:
    scene.need_classes()
    return scene.model.fusion.unimodal(LossDescent, signed=True)


SIGNALS: dict[str, Callable[[Scene], list[Diagnostic]]] = {
    "probe": lambda scene: [scene.task.online()],
    "validation_probe": lambda scene: [_held_out(scene)],
    "score": lambda scene: [Smoothed(score(scene))],
    "generalisation_gap": lambda scene: [
        Probe(scene.classes), _held_out(scene), Difference("probe", "validation_probe", "generalisation_gap"),
    ],
    "loss_descent": lambda scene: [Smoothed(_descent(scene))],
}  # fmt: skip
"""The last one's reading steers."""
