"""What is kept out of an update's readings and of what monitors learn: numbers that are not finite, rows without a label."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping

from torch import Tensor

from asgml._step import Readings, Step
from asgml.monitors import Monitor

Place = tuple[str, str]
"""Name of a monitor, modality."""


def sifted(
    readings: Readings, admitted: Mapping[Place, float], monitors: Iterable[Monitor], step: Step
) -> tuple[set[Place], set[Place]]:
    """Take out of `readings` what is none; return who is left out of this update, and who because something is not finite.

    Raises ValueError with a monitor's words where it cannot take the targets.
    """
    for monitor in monitors:
        if unfit := [m for (name, m), rows in admitted.items() if name == monitor.name and rows == math.inf]:
            raise ValueError(monitor.unfit(step, unfit[0]))
    out = {place for place, rows in admitted.items() if not rows > 0}
    spoilt = {place for place, rows in admitted.items() if math.isnan(rows)}
    spoilt |= {(name, m) for name, values in readings.items() for m, v in values.items() if not math.isfinite(v)} - out
    for name, modality in out | spoilt:
        readings.get(name, {}).pop(modality, None)
    return out | spoilt, spoilt


def learnable(name: str, evidence: Mapping[str, Tensor], out: Collection[Place]) -> dict[str, Tensor]:
    """Return a monitor's evidence without that of the modalities which are left out."""
    gone = {modality for other, modality in out if other == name}
    return {key: value for key, value in evidence.items() if _modality(key) not in gone} if gone else dict(evidence)


def _modality(key: str) -> str:
    modality = key.rpartition(".")[0]
    while modality.startswith("of."):  # of the monitor that another one holds
        modality = modality.removeprefix("of.")
    return modality
