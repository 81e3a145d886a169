"""What may steer an adaptive method, each made for one run."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from asgml import Monitor
from asgml.lab.methods._context import Context
from asgml.monitors import Difference, LossDescent, Probe, Score, Smoothed, ValidationProbe


def encoders(context: Context) -> dict[str, nn.Module]:
    """Return modality -> its encoder."""
    return dict(context.model.encoders.items())


def score(context: Context) -> Score:
    """The true class's probability by what the fusion says of each modality alone."""
    context.need_classes()
    return context.model.fusion.unimodal(Score)


def rarely(context: Context) -> int:
    """Return after how many updates held-out samples are looked at again: once an epoch, every hundredth update at least."""
    return max(1, min(100, context.steps_per_epoch))


def _held_out(context: Context) -> ValidationProbe:
    every, decay = rarely(context), 0.5
    return ValidationProbe(context.classes, encoders(context), context.steer, every, decay=decay, training=context.fitted)


def _descent(context: Context) -> LossDescent:
    context.need_classes()
    return context.model.fusion.unimodal(LossDescent, signed=True)


SIGNALS: dict[str, Callable[[Context], list[Monitor]]] = {
    "probe": lambda context: [context.task.online()],
    "validation_probe": lambda context: [_held_out(context)],
    "score": lambda context: [Smoothed(score(context))],
    "generalisation_gap": lambda context: [
        Probe(context.classes), _held_out(context), Difference("probe", "validation_probe", "generalisation_gap"),
    ],
    "loss_descent": lambda context: [Smoothed(_descent(context))],
}  # fmt: skip
"""The last one's reading steers."""
