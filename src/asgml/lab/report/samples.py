"""What one seed's predictions say of a difference: an interval over new test samples, not over new seeds."""

from __future__ import annotations

from dataclasses import dataclass

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


def _hits(run: Run) -> dict[str, tuple[float, str]]:
    """Test sample's id -> whether it was right (0 or 1), and its group."""
    path = None if run.folder is None else run.folder / "predictions.npz"
    if path is None or not path.exists():
        return {}
    try:
        with np.load(path, allow_pickle=False) as file:
            right = (file["test_logits"].argmax(1) == file["test_label"]).astype(float)
            return dict(
                zip(file["test_id"].tolist(), zip(right.tolist(), file["test_group"].tolist(), strict=True), strict=True)
            )
    except damage.UNREADABLE:  # what another program left there; ours were checked when the cell was read
        return {}
