from __future__ import annotations

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
