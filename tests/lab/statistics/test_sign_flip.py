"""The exact test and Holm's correction: equal to scipy's and to closed testing; as many false alarms as they promise."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from asgml.lab import statistics

COUNTS = st.lists(st.integers(-40, 40), min_size=2, max_size=11)
"""Differences of accuracies on 360 samples, times 360: ties and zeros abound."""


@given(COUNTS)
@example([-12, -17, 12, 17])
def test_sign_flip_is_scipys_exact_permutation_test(counts: list[int]) -> None:
    """scipy gets whole numbers, whose sums are exact: of fractions it counts a sum of 0 as larger or smaller as it rounds."""
    found = stats.permutation_test((np.array(counts, dtype=float),), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert statistics.sign_flip([x / 360 for x in counts]) == pytest.approx(found.pvalue, abs=1e-12)


def test_sign_flip_of_one_side_only_is_the_smallest_there_is() -> None:
    for n in range(1, 21):
        assert statistics.sign_flip([0.01 * (i + 1) for i in range(n)]) == statistics.smallest_p(n)
    assert statistics.sign_flip([-0.01] * 40) == 2 / 2**40


def test_sign_flip_of_no_difference_is_1() -> None:
    assert statistics.sign_flip([0.0] * 5) == 1.0
    assert statistics.sign_flip([0.1, 0.2, -0.3]) == 1.0


@pytest.mark.parametrize("n", [0, 41])
def test_sign_flip_says_how_many_pairs_it_can_take(n: int) -> None:
    with pytest.raises(ValueError, match=f"differences: must be 1 to 40 pairs, found {n}"):
        statistics.sign_flip([0.1] * n)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_holm_is_closed_testing_with_bonferroni(ps: list[float]) -> None:
    """A hypothesis falls where every family that it belongs to falls: the principle Holm's procedure is a short way of."""
    families = [f for size in range(1, len(ps) + 1) for f in itertools.combinations(range(len(ps)), size)]
    closed = [max(min(1.0, len(f) * min(ps[j] for j in f)) for f in families if i in f) for i in range(len(ps))]
    assert statistics.holm(ps) == pytest.approx(closed, abs=1e-12)


def flipped(random: np.random.Generator, n: int, methods: int) -> list[float]:
    """Adjusted p of methods that are no better than the baseline that they share: heavy tails, and correlated by it."""
    baseline = random.standard_t(3, n)
    return statistics.holm([statistics.sign_flip(list(random.standard_t(3, n) - baseline)) for _ in range(methods)])


def test_false_alarms_of_one_comparison_are_as_many_as_the_levels_allow() -> None:
    """With 6 pairs, p <= 0.05 means one of the 2 most extreme of 64 patterns: 3.125 %, within 4 binomial deviations."""
    random, runs = np.random.default_rng(0), 6000
    alarms = sum(flipped(random, 6, 1)[0] <= 0.05 for _ in range(runs))
    assert abs(alarms / runs - 2 / 64) < 4 * math.sqrt(2 / 64 * 62 / 64 / runs)


def test_false_alarms_of_four_comparisons_stay_below_the_level_and_without_holm_do_not() -> None:
    random, runs = np.random.default_rng(1), 3000
    families = [flipped(random, 10, 4) for _ in range(runs)]
    assert sum(min(ps) <= 0.05 for ps in families) / runs < 0.05 + 4 * math.sqrt(0.05 * 0.95 / runs)
    assert sum(min(ps) <= 4 * 0.05 for ps in families) / runs > 0.05 + 4 * math.sqrt(0.05 * 0.95 / runs)


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


def test_smallest_p_and_seeds_needed_after_holm() -> None:
    for family, n in itertools.product(range(1, 5), range(1, 11)):
        ps = [2 / 2**n, *[1.0] * (family - 1)] if n > 1 else [1.0] * family
        assert statistics.smallest_p(n, family) == min(statistics.holm(ps))
    assert [statistics.seeds_needed(0.05, family) for family in (1, 2, 3, 4)] == [6, 7, 7, 8]
    with pytest.raises(ValueError, match="family: must be 1 test or more"):
        statistics.smallest_p(3, 0)
