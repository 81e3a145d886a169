"""What several sections need."""

from __future__ import annotations

from collections.abc import Callable

from asgml.lab.report import measures, words
from asgml.lab.report.document import Line, Mono, Strong, Text
from asgml.lab.report.measures import Measure
from asgml.lab.report.model import BASELINE, Method, Run, Series, Study


def title(modality: str) -> str:
    """A modality's name at the start of a heading: `Audio`."""
    return modality[:1].upper() + modality[1:]


def name(method: Method) -> Text:
    """A method's name in the first column."""
    return Strong(method.name) if method.name == BASELINE else Mono(method.name)


def head(method: Method) -> tuple[Text, str]:
    """The first two cells of a row: the method, and over how many seeds its means are."""
    return (name(method), str(len(method.runs)))


def shares(method: Method, measure: Measure) -> str:
    """A cell with a share's mean and sd."""
    return words.percent_spread(measures.estimate(method, measure), len(method.runs))


def gaps(method: Method, measure: Measure) -> str:
    """A cell with a gap's mean and sd."""
    return words.points_spread(measures.estimate(method, measure), len(method.runs))


def numbers(method: Method, measure: Measure) -> str:
    """A cell with a plain number's mean and sd."""
    return words.number_spread(measures.estimate(method, measure), len(method.runs))


def slots(study: Study) -> dict[str, int]:
    """Method -> colour slot: 0 for the baseline, then one by one."""
    others = [m.name for m in study.methods if m.runs and m.name != BASELINE]
    return ({BASELINE: 0} if study.baseline else {}) | {method: i for i, method in enumerate(others, 1)}


def legend(study: Study, methods: tuple[Method, ...]) -> tuple[tuple[int, str], ...]:
    """The methods of a figure with their colours."""
    return tuple((slots(study)[m.name], m.name) for m in methods)


def curve(slot: int, method: Method, series: Callable[[Run], Series | None]) -> Line | None:
    """The mean over seeds by epoch in percent, with a band of one sd where two seeds or more have every epoch."""
    steps = sorted({step for run in method.runs if (s := series(run)) for step in s.steps})
    found = [e for step in steps if (e := measures.at_epoch(method, series, step))]
    if not found:
        return None
    spreads = [e.sd for e in found]
    band = [] if None in spreads else [100 * (s or 0.0) for s in spreads]
    means = [100 * e.mean for e in found]
    low, high = (tuple(m + sign * b for m, b in zip(means, band, strict=True)) if band else () for sign in (-1, 1))
    return Line(slot, tuple(map(float, steps)), tuple(means), low, high)


def curves(study: Study, methods: tuple[Method, ...], series: Callable[[Run], Series | None]) -> tuple[Line, ...]:
    """One curve per method that has the series."""
    found = (curve(slots(study)[m.name], m, series) for m in methods)
    return tuple(line for line in found if line is not None)


def band_words(study: Study) -> str:
    """What the bands of a figure are."""
    several = any(len(m.runs) > 1 for m in study.methods)
    return "Mean over seeds; the band is one standard deviation." if several else "One seed: no band."
