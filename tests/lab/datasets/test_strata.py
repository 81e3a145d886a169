import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgml.lab.datasets._strata import shrink, stratified_order
from asgml.lab.errors import InputError

STRATA = np.repeat(np.arange(10), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])


@given(strata=st.lists(st.integers(0, 4), min_size=1, max_size=60), seed=st.integers(0, 9))
@settings(max_examples=50, deadline=None)
def test_every_beginning_holds_each_stratum_in_its_share(strata: list[int], seed: int) -> None:
    values = np.array(strata)
    order = stratified_order(np.random.default_rng(seed), values)
    assert sorted(order) == list(range(len(values)))
    for k in range(1, len(values) + 1):
        for stratum in set(strata):
            ideal = k * strata.count(stratum) / len(strata)
            assert abs(np.sum(values[order[:k]] == stratum) - ideal) < 1 + 0.5 * len(set(strata))


def test_the_images_are_cut_almost_exactly() -> None:
    order = stratified_order(np.random.default_rng(0), STRATA)
    counts = np.bincount(STRATA[order[:360]])
    assert np.all(np.abs(counts - 360 * np.bincount(STRATA) / 1797) <= 1)


def test_the_smallest_beginning_holds_every_stratum_once() -> None:
    for seed in range(20):
        assert set(STRATA[stratified_order(np.random.default_rng(seed), STRATA)[:10]]) == set(range(10))


def test_equal_strata_are_taken_in_random_order() -> None:
    orders = [stratified_order(np.random.default_rng(seed), np.repeat([0, 1], 4)) for seed in range(30)]
    assert len({tuple(o // 4) for o in orders}) > 2
    assert len({tuple(o) for o in orders}) > 20


def test_finer_strata_are_kept_within_the_coarse_ones() -> None:
    digit, speaker = np.repeat(np.arange(10), 60), np.tile(np.repeat(np.arange(6), 10), 10)
    for seed in range(5):
        order = stratified_order(np.random.default_rng(seed), digit, 6 * digit + speaker)
        assert np.bincount(digit[order[:20]]).tolist() == [2] * 10
        assert np.unique((6 * digit + speaker)[order[:60]]).size == 60


def test_strata_may_be_words() -> None:
    order = stratified_order(np.random.default_rng(0), np.array(["a_x", "b_x"] * 5))
    assert {order[0] % 2, order[1] % 2} == {0, 1}


def test_smaller_sizes_lie_within_larger_ones() -> None:
    small, large = (set(shrink(np.arange(1797), n, np.random.default_rng(1), STRATA)) for n in (100, 300))
    assert len(small) == 100
    assert len(large) == 300
    assert small < large


def test_no_size_keeps_all() -> None:
    assert sorted(shrink(np.arange(1797) + 5, None, np.random.default_rng(1), STRATA)) == list(range(5, 1802))


def test_too_large_a_size_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"`dataset.train_size`: must be at most 4, what the split leaves .*, found 5; lower it"
    ):
        shrink(np.arange(4), 5, np.random.default_rng(0), np.zeros(4))
