from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from asgml.lab import statistics

NUMBERS = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12)


@given(NUMBERS)
def test_mean_and_sd_are_numpys(values: list[float]) -> None:
    assert statistics.mean(values) == pytest.approx(np.mean(values), abs=1e-9)
    assert statistics.sd(values) == pytest.approx(np.std(values, ddof=1), rel=1e-6, abs=1e-9)


@given(NUMBERS, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_interval_is_scipys(values: list[float], level: float) -> None:
    found = statistics.t_interval(values, level)
    assert found is not None
    if np.std(values) > 1e-6:
        low, high = stats.t.interval(level, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
        assert (found.low, found.high) == pytest.approx((low, high), rel=1e-6, abs=1e-9)


def test_one_value_has_no_spread() -> None:
    found = statistics.estimate([0.4])
    assert (found.mean, found.sd, found.n, found.interval) == (0.4, None, 1, None)


def test_no_value_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="values: must hold one number or more"):
        statistics.mean([])


@pytest.mark.parametrize("level", [0, 1, 95])
def test_level_must_be_a_share(level: float) -> None:
    with pytest.raises(ValueError, match="level: must be a share"):
        statistics.t_interval([1.0, 2.0], level)


def test_paired_is_scipys_paired_t_test() -> None:
    a, b = {0: 0.61, 1: 0.58, 2: 0.65, 3: 0.60}, {0: 0.60, 1: 0.57, 2: 0.61, 3: 0.61}
    found = statistics.paired(a, b)
    reference = stats.ttest_rel(list(a.values()), list(b.values())).confidence_interval(0.95)
    assert found is not None
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((reference.low, reference.high))
    assert found.mean == pytest.approx(0.0125)


def test_paired_takes_the_seeds_that_both_have() -> None:
    found = statistics.paired({3: 0.5, 1: 0.9, 7: 0.0}, {1: 0.4, 3: 0.2})
    assert found is not None
    assert (found.n, found.mean) == (2, pytest.approx(0.4))
    assert statistics.paired({1: 0.5}, {2: 0.5}) is None


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0.1, 0.2, True), (-0.2, -0.1, True), (-0.1, 0.1, False), (0.0, 1.0, False)]
)
def test_excludes_zero(low: float, high: float, expected: bool) -> None:
    assert statistics.Interval(low, high).excludes_zero is expected


@pytest.mark.parametrize("n", range(1, 11))
def test_smallest_p_is_what_full_enumeration_reaches(n: int) -> None:
    differences = [1.0 + i for i in range(n)]
    sums = [abs(sum(s * d for s, d in zip(signs, differences, strict=True))) for signs in itertools.product((-1, 1), repeat=n)]
    assert statistics.smallest_p(n) == sum(s >= sum(differences) for s in sums) / len(sums)


def test_smallest_p_of_the_design_page() -> None:
    assert [statistics.smallest_p(n) for n in (1, 3, 5, 6)] == [1.0, 0.25, 0.0625, 0.03125]
    assert statistics.seeds_needed(0.05) == 6
    with pytest.raises(ValueError, match="n: must be 1 pair or more"):
        statistics.smallest_p(0)


@pytest.mark.parametrize("p", [0.5, 0.25, 0.05, 0.01, 0.001])
def test_seeds_needed_is_the_first_that_reaches(p: float) -> None:
    n = statistics.seeds_needed(p)
    assert statistics.smallest_p(n) <= p < statistics.smallest_p(n - 1)


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=20))
def test_slope_is_scipys(ys: list[float]) -> None:
    xs = list(range(1, len(ys) + 1))
    assert statistics.slope(xs, ys) == pytest.approx(stats.linregress(xs, ys).slope, abs=1e-9)


def test_slope_needs_two_different_places() -> None:
    assert statistics.slope([1, 1], [0.2, 0.3]) is None
    with pytest.raises(ValueError, match="ys: must have as many values as xs"):
        statistics.slope([1, 2], [0.2])


def test_slopes_are_per_seed_then_over_seeds() -> None:
    curves = [([1, 2, 3], [0.0, slope, 2 * slope]) for slope in (0.01, 0.02, 0.03)]
    found = statistics.slopes(curves)
    low, high = stats.t.interval(0.95, 2, loc=0.02, scale=stats.sem([0.01, 0.02, 0.03]))
    assert found is not None
    assert found.interval is not None
    assert (found.mean, found.n, found.interval.low, found.interval.high) == (
        pytest.approx(0.02),
        3,
        pytest.approx(low),
        pytest.approx(high),
    )
    assert statistics.slopes([([1], [0.5])]) is None


def test_noise_floor_is_what_simulation_gives() -> None:
    p, n = 0.35, 400
    rng = np.random.default_rng(0)
    gaps = np.abs(rng.binomial(n, p, 200_000) - rng.binomial(n, p, 200_000)) / n
    expected, bound = statistics.noise_floor(p, n)
    assert expected == pytest.approx(gaps.mean(), rel=0.01)
    assert np.mean(gaps <= bound) == pytest.approx(0.95, abs=0.01)
    assert bound == pytest.approx(1.96 * math.sqrt(2 * p * (1 - p) / n))
    with pytest.raises(ValueError, match="samples: must be 1 test sample or more"):
        statistics.noise_floor(p, 0)
