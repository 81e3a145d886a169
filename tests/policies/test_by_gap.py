"""What a lead is mapped to: the written rules, in whole numbers, the stronger the larger."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgml.policies import FrequencyByGap, ScaleByGap, StalenessByGap

GAPS = st.floats(0, 1e6, exclude_min=True)
PAIRS = st.tuples(GAPS, GAPS).map(sorted)


def at(policy, gap, index=0):
    return policy(index, {policy.gap: {"a": gap, "v": 0.0}})


@pytest.mark.parametrize(
    ("gap", "k"),
    [
        (0.5, 2),
        (0.9, 2),
        (7, 2),
        (0.41, 2),
        (0.4, 3),
        (0.3, 3),
        (0.29, 3),
        (0.28, 4),
        (0.25, 4),
        (0.1, 4),
        (1e-6, 4),
        (5e-324, 4),
    ],
)
def test_one_in_one_over_the_gap_rounded_half_up(gap, k):
    policy = FrequencyByGap()
    assert policy.period(gap) == k
    assert [at(policy, gap, t) for t in range(3 * k)] == [{"a": t % k == k - 1} for t in range(3 * k)]


def test_k_max_bounds_it():
    assert [FrequencyByGap(k_max=k).period(0.1) for k in (2, 3, 10, 20)] == [2, 3, 10, 10]


@pytest.mark.parametrize(("gap", "tau"), [(0, 0), (1e-9, 1), (0.18, 1), (0.1875, 2), (0.3, 2), (0.3125, 3), (0.5, 4), (9, 4)])
def test_staleness_grows_from_1_to_tau_max(gap, tau):
    assert at(StalenessByGap(), gap) == {"a": tau, "v": 0}
    assert at(StalenessByGap(tau_max=8, full=1.0), gap)["a"] == {0: 0, 0.5: 4, 9: 8}.get(gap, max(1, math.floor(8 * gap + 0.5)))


@pytest.mark.parametrize(("gap", "factor"), [(0, 1), (0.125, 0.775), (0.25, 0.55), (0.5, 0.1), (3, 0.1), (-1, 1)])
def test_scale_falls_from_1_to_the_floor(gap, factor):
    assert at(ScaleByGap(), gap) == pytest.approx({"a": factor, "v": 1})
    assert at(ScaleByGap(), 0.0)["a"] == 1, "exactly"


@given(pair=PAIRS, k_max=st.integers(2, 50), tau_max=st.integers(1, 50), floor=st.floats(0, 1), full=st.floats(1e-3, 1e3))
def test_a_larger_lead_is_never_slowed_less(pair, k_max, tau_max, floor, full):
    near, far = pair
    assert 2 <= FrequencyByGap(k_max=k_max).period(far) <= FrequencyByGap(k_max=k_max).period(near) <= k_max
    stale, scaled = StalenessByGap(tau_max=tau_max, full=full), ScaleByGap(floor=floor, full=full)
    assert 1 <= at(stale, near)["a"] <= at(stale, far)["a"] <= tau_max
    assert 1 >= at(scaled, near)["a"] >= at(scaled, far)["a"] >= floor - 1e-12


def test_nobody_is_decided_for_without_a_gap():
    assert all(at(FrequencyByGap(), 0.0, t) == {} for t in range(12))


def test_the_reading_is_named():
    for kind in (FrequencyByGap, StalenessByGap, ScaleByGap):
        assert kind().reads == {"gap"}
        assert kind(gap="lead").reads == {"lead"}
        assert kind("lead")(3, {"lead": {"a": 1.0}}) == kind()(3, {"gap": {"a": 1.0}})


REFUSED = [
    (lambda: FrequencyByGap(k_max=1), "`k_max` must be an integer of at least 2, found 1"),
    (lambda: FrequencyByGap(k_max=2.5), "`k_max` must be an integer of at least 2, found 2.5"),
    (lambda: StalenessByGap(tau_max=0), "`tau_max` must be an integer of at least 1, found 0"),
    (lambda: StalenessByGap(tau_max=True), "`tau_max` must be an integer of at least 1, found True"),
    (lambda: StalenessByGap(full=0), "`full` must be a finite number above 0, found 0"),
    (lambda: ScaleByGap(full=math.inf), "`full` must be a finite number above 0, found inf"),
    (lambda: ScaleByGap(floor=1.1), r"`floor` must lie in \[0, 1\], found 1.1"),
    (lambda: ScaleByGap(floor=math.nan), r"`floor` must lie in \[0, 1\], found nan"),
]


@pytest.mark.parametrize("case", range(len(REFUSED)))
def test_misuse(case):
    build, words = REFUSED[case]
    with pytest.raises(ValueError, match=words):
        build()
