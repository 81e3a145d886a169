"""Numbers of event files that cannot be what their tags say: percent in the place of shares, and what no run can log."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from asgml.lab.report import damage
from asgml.lab.report.model import Series, finite

Points = Mapping[str, Mapping[int, Any]]
LAST_STEP = 10**12
"""No run makes so many updates."""


def in_percent(found: Iterable[Points]) -> frozenset[str]:
    """The tags of shares under which some seed of a method logged more than 1, and none more than 100 or below 0."""
    values: dict[str, list[float]] = {}
    for points in found:
        for tag in _shares(points):
            values.setdefault(tag, []).extend(v for v in points[tag].values() if math.isfinite(v))
    return frozenset(tag for tag, all_of in values.items()
                     if all_of and min(all_of) >= 0 and 1 + damage.ROUNDING < max(all_of) <= 100)  # fmt: skip


def percent_words(percent: frozenset[str]) -> list[str]:
    """What the reader must know of them, in one sentence; none where there are none."""
    if not percent:
        return []
    more = f" and {len(percent) - 4} more tags" if len(percent) > 4 else ""
    return [f"{', '.join(sorted(percent)[:4])}{more} must be shares from 0 to 1, and hold numbers up to 100: they were taken "
            "for percent and divided by 100"]  # fmt: skip


def cleaned(points: Points, percent: frozenset[str]) -> tuple[dict[str, Series], tuple[str, ...]]:
    """The series of one seed, percent as shares, without what cannot be; and in words what was left out."""
    series, notes = finite(points)
    kept, said = dict[str, Series](), list(notes)
    for tag, ends in damage.limits(series, {}).items():
        factor = 0.01 if tag in percent else 1.0
        found = zip(series[tag].steps, series[tag].values, strict=True)
        placed = {step: value * factor for step, value in found if 0 <= step <= LAST_STEP}
        good = {step: value for step, value in placed.items() if _within(value, ends)}
        if good:
            kept[tag] = Series.of(good)
        of = len(series[tag].steps)
        said += [f"{of - len(placed)} of {of} values of {tag} stand at a step below 0 or beyond {LAST_STEP:,} and were left "
                 "out"] * (len(placed) < of)  # fmt: skip
        said += [f"{len(placed) - len(good)} of {of} values of {tag} are {_not(ends)} and were left out"] * (
            len(good) < len(placed)
        )
    return kept, tuple(said)


def _within(value: float, ends: tuple[float, float]) -> bool:
    return ends[0] - damage.ROUNDING <= value <= ends[1] + damage.ROUNDING


def _not(ends: tuple[float, float]) -> str:
    return "no shares from 0 to 1" if ends == (0.0, 1.0) else "below 0 or too large" if ends[0] == 0 else "too large"


def _shares(points: Points) -> list[str]:
    return [tag for tag, ends in damage.limits(points, {}).items() if ends == (0.0, 1.0)]


class Again:
    """Notices in one folder what is logged a second time: a run that hides an earlier one."""

    def __init__(self) -> None:
        self._steps: dict[str, set[int]] = {}
        self._differ = False
        self._hidden: list[str] = []
        self._files: dict[str, None] = {}

    def saw(self, file: str, tag: str, step: int, known: Mapping[int, Any], value: float) -> None:
        """A value comes to those that are known of its tag."""
        if step in known and tag.startswith("test/"):
            self._steps.setdefault(tag, set()).add(step)
            self._files[file] = None
            self._differ |= known[step] != value and not (math.isnan(known[step]) and math.isnan(value))

    def purged(self, file: str, points: Points, step: int) -> None:
        """A writer takes back all from a step on: an earlier run as a whole, where it is its first step."""
        if (first := min((s for tag, at in points.items() if tag.startswith("test/") for s in at), default=step - 1)) >= step:
            self._hidden.append(f"{file} takes back all that was logged before, from step {first} on")

    def notes(self, points: Points) -> list[str]:
        """What the reader must know."""
        own = "give every run a folder of its own"
        said = [f"{words}: a later run hides an earlier one; {own}" for words in self._hidden]
        if not self._differ:
            return said
        steps, whole = set().union(*self._steps.values()), any(len(s) >= len(points[t]) for t, s in self._steps.items())
        place = f"steps {min(steps)} to {max(steps)}" if len(steps) > 1 else f"step {min(steps)}"
        what = "the folder holds two whole runs, of which the later hides the earlier" if whole else "the later values count"
        return [*said, f"{', '.join(self._files)} logs {place} a second time, with other values: {what}; {own}"]
