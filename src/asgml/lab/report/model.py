"""What was logged, whoever logged it: a study holds methods, a method holds runs (one per seed), a run holds series by tag."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asgml.lab.tasks import scoring
from asgml.lab.tasks.scoring import Scoring

BASELINE = "baseline"
"""The name of the method that every other one is compared with."""


@dataclass(frozen=True, slots=True)
class Series:
    """The points of one tag, by rising step: epochs from 1 for what is logged once an epoch, else updates from 0."""

    steps: tuple[int, ...]
    values: tuple[float, ...]

    @classmethod
    def of(cls, points: Mapping[int, float]) -> Series:
        """Order points by step."""
        steps = tuple(sorted(points))
        return cls(steps, tuple(points[step] for step in steps))

    def at(self, step: int) -> float | None:
        """The value at this step, None where there is none."""
        place = bisect_left(self.steps, step)
        return self.values[place] if self.steps[place : place + 1] == (step,) else None


@dataclass(frozen=True, slots=True)
class Run:
    """One seed of a method. `best_epoch` is the epoch chosen on validation, None where the logs name none."""

    seed: int
    source: str
    series: Mapping[str, Series]
    modalities: tuple[str, ...]
    best_epoch: int | None = None
    header: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    folder: Path | None = None
    """Where the cell lies, None for event files of other programs."""
    diagnosis: Mapping[str, Any] | None = None
    """What `asgml diagnose` found, if it was asked."""

    @property
    def scoring(self) -> Scoring:
        """The numbers of its task."""
        return scoring.of(self.header)

    def get(self, tag: str) -> Series | None:
        """The series of a tag, None where the logs hold no point of it."""
        return self.series.get(tag)


@dataclass(frozen=True, slots=True)
class Failure:
    """A cell that has no numbers, and why."""

    seed: int
    reason: str
    damaged: bool = False
    """Whether it finished, but its files do not give what it found."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method: its runs by seed, the cells that failed, and its entries as the experiment states them."""

    name: str
    runs: tuple[Run, ...]
    failed: tuple[Failure, ...] = ()
    entries: tuple[Mapping[str, Any], ...] = ()

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that its runs train, in the data set's order."""
        return unique(m for run in self.runs for m in run.modalities)


@dataclass(frozen=True, slots=True)
class Study:
    """Everything one report is about. `source` says in words where it was read; `settings` is the experiment, if known."""

    name: str
    source: str
    methods: tuple[Method, ...]
    modalities: tuple[str, ...]
    settings: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    tuning: Mapping[str, Any] | None = None
    """What `tuning.json` holds, None where nothing was tuned."""

    @property
    def chosen_only(self) -> bool:
        """Whether the chosen epoch alone was scored, so that there are no curves over epochs."""
        return ((self.settings or {}).get("train") or {}).get("look") == "chosen"

    @property
    def runs(self) -> tuple[Run, ...]:
        """Every run there is."""
        return tuple(run for method in self.methods for run in method.runs)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Every cell that finished, but whose files do not give what it found, and why."""
        return tuple(f"{m.name} seed {cell.seed} is left out, {cell.reason}"
                     for m in self.methods for cell in m.failed if cell.damaged)  # fmt: skip

    @property
    def header(self) -> Mapping[str, Any]:
        """The header of the first run that has one."""
        return next((run.header for run in self.runs if run.header), {})

    @property
    def scoring(self) -> Scoring:
        """The numbers of the task."""
        return scoring.of(self.header)

    @property
    def baseline(self) -> Method | None:
        """The method named `baseline`, where it has a run."""
        return next((m for m in self.methods if m.name == BASELINE and m.runs), None)

    @property
    def joint(self) -> tuple[Method, ...]:
        """The methods that train two modalities or more."""
        return tuple(m for m in self.methods if m.runs and self.solo(m) is None)

    def solo(self, method: Method) -> str | None:
        """The modality of a control that trains this one only, None for a joint method."""
        single = len(method.modalities) == 1 and len(self.modalities) > 1
        return method.modalities[0] if single else None


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Every name once, in order of first appearance."""
    return tuple(dict.fromkeys(names))


def finite(points: Mapping[str, Mapping[int, Any]]) -> tuple[dict[str, Series], tuple[str, ...]]:
    """Make series of tag -> step -> value, leaving out what is no finite number, and say of which tags how many were.

    Raises ValueError for a value that is no number at all.
    """
    for tag, at in points.items():
        if not {type(v) for v in at.values()} <= {int, float, type(None)}:
            raise ValueError(f"{tag} must be a number at every step")
    kept = {tag: {step: float(v) for step, v in at.items() if v is not None and math.isfinite(v)}
            for tag, at in points.items()}  # fmt: skip
    lost = {tag: len(at) - len(kept[tag]) for tag, at in points.items()}
    notes = tuple(f"{n} of {len(points[tag])} values of {tag} are not finite and were left out"
                  for tag, n in lost.items() if n)  # fmt: skip
    return {tag: Series.of(at) for tag, at in kept.items() if at}, notes
