"""What one seed's predictions say of a difference: an interval over new test samples, not over new seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from asgml.lab import statistics
from asgml.lab.report import damage
from asgml.lab.report.model import Method, Run
from asgml.lab.statistics import Interval

FEW = 20
"""With fewer groups than this an interval over them says little."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """The interval of a difference in accuracy, a share, from `samples` test samples in `groups` groups."""

    interval: Interval
    samples: int
    groups: int


def difference(method: Method, base: Method) -> Sampled | None:
    """For one seed in common: method minus baseline, sample by sample, drawn by groups; None without predictions."""
    runs = {run.seed: run for run in base.runs}
    pairs = [(run, runs[run.seed]) for run in method.runs if run.seed in runs]
    if len(pairs) != 1:
        return None
    own, other = (_hits(run) for run in pairs[0])
    ids = [i for i in own if i in other]
    if not ids:
        return None
    groups = [own[i][1] for i in ids]
    found = statistics.clustered([own[i][0] - other[i][0] for i in ids], groups)
    return None if found is None else Sampled(found, len(ids), len(set(groups)))


def commonest(run: Run) -> float | None:
    """The share of the commonest class among the run's test samples; None without predictions."""
    found = _test(run, "label")
    if found is None or not len(found[0]):
        return None
    counts = np.unique(found[0], return_counts=True)[1]
    return float(counts.max() / len(found[0]))


def _hits(run: Run) -> dict[str, tuple[float, str]]:
    """Test sample's id -> whether it was right (0 or 1), and its group."""
    found = _test(run, "id", "group", "label", "logits")
    if found is None:
        return {}
    ids, groups, labels, logits = found
    if logits.ndim != 2 or not len(ids) == len(groups) == len(labels) == len(logits):
        return {}
    right = (logits.argmax(1) == labels).astype(float)
    return dict(zip(ids.tolist(), zip(right.tolist(), groups.tolist(), strict=True), strict=True))


def _test(run: Run, *names: str) -> list[Any] | None:
    """These arrays of the test set out of `predictions.npz`; None where there are none."""
    path = None if run.folder is None else run.folder / "predictions.npz"
    if path is None or not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            return [file[f"test_{name}"] for name in names]
    except damage.UNREADABLE:  # what another program left there; ours were checked when the cell was read
        return None
