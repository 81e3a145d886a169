"""The interval over test samples that come in groups: it covers what it promises, and the plain one would not."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from asgml.lab import statistics

RUNS = 1000
NEAR = 4 * math.sqrt(0.95 * 0.05 / RUNS)
"""Four standard deviations of a share of RUNS around 95 %."""


def sample(random: np.random.Generator, groups: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Differences of two models' hits (-1, 0, 1) with mean 0.05, alike within a group; groups of 1 to 12 samples."""
    sizes = random.integers(1, 13, groups)
    member = np.repeat(np.arange(groups), sizes)
    shared = random.choice([-1, 0, 1], groups, p=[0.15, 0.65, 0.20])
    own = random.choice([-1, 0, 1], len(member), p=[0.15, 0.65, 0.20])
    return np.where(random.random(len(member)) < 0.5, shared[member], own).astype(float), member


def covered(groups: int, runs: int = RUNS, *, alone: bool = False) -> float:
    """How often the interval holds the true mean; `alone`: as if every sample were a group of its own."""
    random = np.random.default_rng(groups)
    hits = 0
    for run in range(runs):
        values, member = sample(random, groups)
        found = statistics.clustered(values, np.arange(len(values)) if alone else member, draws=500, seed=run)
        assert found is not None
        hits += found.low <= 0.05 <= found.high
    return hits / runs


@pytest.mark.parametrize("groups", [20, 60])
def test_it_covers_what_it_promises(groups: int) -> None:
    assert abs(covered(groups) - 0.95) < NEAR


def test_without_groups_it_would_not() -> None:
    assert covered(20, 300, alone=True) < 0.95 - 2 * NEAR


def test_the_t_interval_over_seeds_covers_what_it_promises() -> None:
    random, runs = np.random.default_rng(0), 4000
    found = [statistics.t_interval(list(random.normal(0.3, 1, 6))) for _ in range(runs)]
    share = sum(i is not None and i.low <= 0.3 <= i.high for i in found) / runs
    assert abs(share - 0.95) < 4 * math.sqrt(0.95 * 0.05 / runs)


def test_for_many_samples_of_their_own_it_is_the_normal_interval() -> None:
    values = np.random.default_rng(0).normal(2, 3, 4000)
    found = statistics.clustered(values, range(4000))
    assert found is not None
    low, high = stats.norm.interval(0.95, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.01)


def test_names_of_groups_do_not_matter_and_the_same_call_gives_the_same_interval() -> None:
    values, member = sample(np.random.default_rng(3), 30)
    named = [f"speaker{m:02d}" for m in member]
    assert statistics.clustered(values, member) == statistics.clustered(values, named) == statistics.clustered(values, named)


def test_many_groups_are_drawn_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    values, member = sample(np.random.default_rng(3), 30)
    whole = statistics.clustered(values, member, draws=300)
    monkeypatch.setattr("asgml.lab.statistics._bootstrap.AT_ONCE", 30 * 7)
    assert statistics.clustered(values, member, draws=300) == whole


def test_one_group_has_no_interval_and_lengths_must_agree() -> None:
    assert statistics.clustered([1.0, 0.0], ["a", "a"]) is None
    with pytest.raises(ValueError, match="groups: must be one per value, and one or more; found 1 for 2 values"):
        statistics.clustered([1.0, 0.0], ["a"])
    with pytest.raises(ValueError, match="found 0 for 0 values"):
        statistics.clustered([], [])
