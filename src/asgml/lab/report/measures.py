"""The numbers of a report: each measure takes a run and gives one number, or None where the logs hold nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from asgml.lab import statistics
from asgml.lab.report.model import Method, Run, Series, Study
from asgml.lab.statistics import Estimate
from asgml.lab.tasks.scoring import MACRO_F1, SCORINGS

SCORES = {metric.name: f"test/{metric.key}" for metric in (*(s.score for s in SCORINGS.values()), MACRO_F1)}

Measure = Callable[[Run], float | None]
OVER: dict[str, Callable[[Sequence[float]], float]] = {
    "avg": statistics.mean, "min": min, "max": max, "final": lambda values: values[-1],
}  # fmt: skip
"""How a series over epochs becomes one number: mean of all epochs, smallest, largest, last."""


def values(method: Method, measure: Measure) -> dict[int, float]:
    """The measure of every run that has it, by seed."""
    return {run.seed: x for run in method.runs if (x := measure(run)) is not None}


def estimate(method: Method, measure: Measure) -> Estimate | None:
    """Mean, sd and interval over the seeds; None where no run has the measure."""
    found = list(values(method, measure).values())
    return statistics.estimate(found) if found else None


def change(method: Method, reference: Method, measure: Measure) -> Estimate | None:
    """The difference to a reference, paired by seed."""
    return statistics.paired(values(method, measure), values(reference, measure))


def probe_series(run: Run, modality: str) -> Series | None:
    """The test-set score of the offline probe, a share, by epoch: its accuracy, or what the task has in its place."""
    return run.get(f"test/probe_{run.scoring.short}_{modality}")


def probe_of(modality: str) -> Callable[[Run], Series | None]:
    """`probe_series` of one modality."""
    return lambda run: probe_series(run, modality)


def joined(run: Run) -> dict[int, tuple[float, ...]]:
    """Epoch -> one probe accuracy per modality of the run, where every modality was logged."""
    found = [probe_series(run, m) for m in run.modalities]
    if len(found) < 2 or any(s is None for s in found):
        return {}
    columns = [dict(zip(s.steps, s.values, strict=True)) for s in found if s is not None]
    shared = sorted(set.intersection(*(set(c) for c in columns)))
    return {epoch: tuple(c[epoch] for c in columns) for epoch in shared}


def gap_series(run: Run) -> Series | None:
    """The utilization gap by epoch: largest minus smallest probe accuracy, share 0-1; None for one modality."""
    gaps = {epoch: max(row) - min(row) for epoch, row in joined(run).items()}
    return Series.of(gaps) if gaps else None


def signed_gap(run: Run) -> float | None:
    """The mean over epochs of first minus second modality, share; None unless there are exactly two."""
    rows = list(joined(run).values())
    return statistics.mean([a - b for a, b in rows]) if rows and len(run.modalities) == 2 else None


def probe(modality: str, how: str) -> Measure:
    """The probe accuracy of a modality, `avg`, `min`, `max` or `final` over epochs, share 0-1."""
    return lambda run: _reduced(probe_series(run, modality), how)


def gap(how: str) -> Measure:
    """The utilization gap, `avg`, `min`, `max` or `final` over epochs, share 0-1."""
    return lambda run: _reduced(gap_series(run), how)


def over_epochs(tag: str, how: str) -> Measure:
    """Any tag, reduced over all of its points."""
    return lambda run: _reduced(run.get(tag), how)


def training_cost(run: Run) -> float | None:
    """The operations of all updates, in TFLOP."""
    series = run.get("train/flops")
    return sum(series.values) / 1e12 if series is not None else None


def total(tag: str) -> Measure:
    """The sum of a tag over all of its points."""
    return lambda run: sum(s.values) if (s := run.get(tag)) is not None else None


def ratio(above: str, below: str) -> Measure:
    """The sum of one tag over all epochs, divided by that of another."""

    def measure(run: Run) -> float | None:
        x, y = total(above)(run), total(below)(run)
        return x / y if x is not None and y else None

    return measure


def late(tag: str) -> Measure:
    """The mean of the last ceil(n/4) points of a tag: the last quarter of training."""
    return lambda run: statistics.mean(s.values[-math.ceil(len(s.values) / 4) :]) if (s := run.get(tag)) else None


def chosen(tag: str) -> Measure:
    """The value at the epoch chosen on validation; the last one where the logs name no epoch."""

    def measure(run: Run) -> float | None:
        series = run.get(tag)
        if series is None or run.best_epoch is None:
            return _reduced(series, "final")
        return series.at(run.best_epoch)

    return measure


def train_minus_test(run: Run) -> float | None:
    """The score on the training set minus that on the test set, share, at the epoch chosen on validation."""
    train, test = (chosen(f"{split}/{run.scoring.score.key}")(run) for split in ("train", "test"))
    return None if train is None or test is None else train - test


def _reduced(series: Series | None, how: str) -> float | None:
    return OVER[how](series.values) if series is not None else None


def epochs(method: Method) -> tuple[int, ...]:
    """Every epoch at which a run logged a probe on the test set."""
    found = [s for run in method.runs for m in run.modalities if (s := probe_series(run, m))]
    return tuple(sorted({step for s in found for step in s.steps}))


def at_epoch(method: Method, series: Callable[[Run], Series | None], epoch: int) -> Estimate | None:
    """A series at one epoch, over the seeds that logged it."""
    found = [x for run in method.runs if (s := series(run)) is not None and (x := s.at(epoch)) is not None]
    return statistics.estimate(found) if found else None


def ranked(method: Method) -> tuple[str, ...]:
    """The modalities by average probe accuracy, the leader first; a tie keeps the data set's order."""
    have = {m: e.mean for m in method.modalities if (e := estimate(method, probe(m, "avg")))}
    return tuple(sorted(have, key=lambda m: -have[m]))


def lead_share(method: Method, modality: str) -> float | None:
    """The share of (seed, epoch) pairs at which this modality's probe is the best, 0-1."""
    leads = [run.modalities[row.index(max(row))] for run in method.runs for row in joined(run).values()]
    return leads.count(modality) / len(leads) if leads else None


def floor(study: Study, method: Method) -> tuple[float, float] | None:
    """The noise floor of the gap, mean and 95 % bound, at this method's mean probe accuracy; None if N is unknown.

    It is of accuracies: other scores have no such formula.
    """
    if study.scoring.task != "classification":
        return None
    samples = study.header.get("sizes", {}).get("test")
    found = [e.mean for m in method.modalities if (e := estimate(method, probe(m, "avg")))]
    return statistics.noise_floor(statistics.mean(found), int(samples)) if samples and len(found) > 1 else None


def score_of(study: Study) -> str:
    """The one score that the rules speak of: the task's, or macro F1 where no run logged accuracy; never both."""
    logged = {name for name, tag in SCORES.items() if any(run.get(tag) for run in study.runs)}
    return "macro F1" if logged == {"macro F1"} else study.scoring.score.name


def gap_change(study: Study, method: Method) -> float | None:
    """(mean average gap - the baseline's) / the baseline's; None without a baseline or without a gap to divide by."""
    own = estimate(method, gap("avg"))
    base = estimate(study.baseline, gap("avg")) if study.baseline else None
    if own is None or base is None or base.mean == 0:
        return 0.0 if own and base and own.mean == base.mean else None
    return (own.mean - base.mean) / base.mean


def norm_ratio(study: Study, method: Method) -> float | None:
    """The first modality's late gradient norm over the second's, of the means; None unless there are exactly two."""
    pair = [estimate(method, late(f"train/grad_norm_{m}")) for m in method.modalities]
    if len(pair) != 2 or len(study.modalities) != 2 or pair[0] is None or pair[1] is None or pair[1].mean == 0:
        return None
    return pair[0].mean / pair[1].mean
