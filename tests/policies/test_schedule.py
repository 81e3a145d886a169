"""Schedules: what they accept."""

import pytest

from asgml.policies import EveryK, OneIn


@pytest.mark.parametrize("rule", [OneIn, EveryK])
@pytest.mark.parametrize("k", [1, 0, -2, 2.0, True, "2", None])
def test_k_is_a_whole_number_of_at_least_two(rule, k):
    with pytest.raises(ValueError, match="`k` must be an integer of at least 2 updates, found"):
        rule(k, "audio")


@pytest.mark.parametrize("k", [2, 3, 7])
def test_one_in_and_every_are_each_others_complement_up_to_phase(k):
    assert [OneIn(k, "a", phase=k - 1)(t, {})["a"] for t in range(20)] == [not EveryK(k, "a")(t, {})["a"] for t in range(20)]
    assert OneIn(2, "a") != EveryK(2, "a"), "equal in effect at k = 2, yet two rules"
    assert all(OneIn(2, "a")(t, {}) == EveryK(2, "a")(t, {}) for t in range(10))
