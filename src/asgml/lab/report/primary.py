"""The comparisons that the experiment named before anything ran: the only ones that carry a p."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asgml.lab import statistics
from asgml.lab.report import measures
from asgml.lab.report.model import Study
from asgml.lab.statistics import Estimate

Place = tuple[str | None, Study]
"""The name of a data set, None in a plain experiment, and what was measured there."""


@dataclass(frozen=True, slots=True)
class Tested:
    """One comparison: the difference of the score at the chosen epoch, a share, paired by seed; None without a pair.

    `p` is that of the exact two-sided sign-flip test, `adjusted` after Holm over all comparisons that were named.
    """

    method: str
    against: str
    dataset: str | None
    difference: Estimate | None
    p: float | None
    adjusted: float | None

    @property
    def n(self) -> int:
        """The number of pairs."""
        return self.difference.n if self.difference else 0


def tests(named: Sequence[Mapping[str, Any]], places: Sequence[Place]) -> tuple[Tested, ...]:
    """Test each comparison; one that has no pairs keeps its place in the family, as if its p were 1."""
    found = [list(differences(one, places).values()) for one in named]
    ps = [statistics.sign_flip(d) if 0 < len(d) <= statistics.MOST else None for d in found]
    adjusted = statistics.holm([1.0 if p is None else p for p in ps])
    return tuple(
        Tested(one["method"], one.get("against", "baseline"), one.get("dataset"), statistics.estimate(d) if d else None, p,
               None if p is None else holm)
        for one, d, p, holm in zip(named, found, ps, adjusted, strict=True)
    )  # fmt: skip


def differences(one: Mapping[str, Any], places: Sequence[Place]) -> dict[int, float]:
    """Seed -> difference; over several data sets or points their mean, for the seeds that all of them have."""
    wanted = one.get("dataset")
    found = [_paired(one, study) for dataset, study in places if wanted in (None, dataset)]
    shared = set.intersection(*map(set, found)) if found else set[int]()
    return {seed: statistics.mean([d[seed] for d in found]) for seed in sorted(shared)}


def _paired(one: Mapping[str, Any], study: Study) -> dict[int, float]:
    measure = measures.chosen(measures.SCORES[measures.score_of(study)])
    values = {m.name: measures.values(m, measure) for m in study.methods}
    own, other = values.get(one["method"], {}), values.get(one.get("against", "baseline"), {})
    return {seed: own[seed] - other[seed] for seed in own if seed in other}


def summary(tested: Iterable[Tested]) -> list[dict[str, Any]]:
    """For `summary.json` and `index.json`: shares, None where there is no pair."""
    return [_plain(one) for one in tested]


def _plain(one: Tested) -> dict[str, Any]:
    found, interval = one.difference, one.difference.interval if one.difference else None
    return {"method": one.method, "against": one.against, "dataset": one.dataset, "n": one.n,
            "difference": found.mean if found else None, "interval": [interval.low, interval.high] if interval else None,
            "p": one.p, "p_holm": one.adjusted}  # fmt: skip
