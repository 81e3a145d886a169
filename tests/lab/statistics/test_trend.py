from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from asgml.lab import statistics


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
