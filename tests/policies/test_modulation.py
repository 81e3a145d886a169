"""Factors on gradients: OGM's rule for any number of modalities, the boost of those that lag, and windows in time."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgml import NotYetMeasured, Readings
from asgml.interventions import Skip
from asgml.policies import Between, Boost, Constant, Ogm, OneIn, Together
from asgml.policies._base import declared

NAMES = ("audio", "visual", "text", "depth")
SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=4).map(lambda values: dict(zip(NAMES, values, strict=False)))


def factors(alpha, scores):
    return Ogm(alpha)(0, {"score": scores})


@given(SCORES, st.floats(0.01, 3))
def test_ogm_holds_back_whoever_leads_and_nobody_else(scores, alpha):
    found = factors(alpha, scores)
    assert found.keys() == scores.keys()
    assert all(k == 1 or 0 <= k <= 1 - math.tanh(alpha) for k in found.values())
    assert found[min(scores, key=scores.get)] == 1, "who is last is never held back"
    if max(scores.values()) > 1e-9 + 1.000001 * min(scores.values()):
        assert found[max(scores, key=scores.get)] < 1, "who is first always is"


@given(SCORES, st.floats(0.01, 3), st.permutations(NAMES))
def test_ogm_does_not_depend_on_order_or_names(scores, alpha, names):
    renamed = dict(zip(NAMES, names, strict=True))
    assert factors(alpha, {renamed[m]: s for m, s in scores.items()}) == {
        renamed[m]: pytest.approx(k, abs=1e-12) for m, k in factors(alpha, scores).items()
    }


def test_ogm_of_three_takes_the_mean_of_the_ratios():
    """Not the ratio to the mean or to the least, of other codes; two of three may be held back at once."""
    held = lambda rho: pytest.approx(1 - math.tanh(0.8 * rho))
    expected = {"a": held((0.6 / 0.5 + 0.6 / 0.3) / 2), "v": held((0.5 / 0.6 + 0.5 / 0.3) / 2), "t": 1}
    assert factors(0.8, {"a": 0.6, "v": 0.5, "t": 0.3}) == expected


@pytest.mark.parametrize("scores", [{}, {"a": 0.7}, {"a": 0.0, "v": 0.0}, {"a": 0.5, "v": 0.5, "t": 0.5}])
def test_ogm_without_a_leader_changes_nothing(scores):
    assert factors(0.8, scores) == dict.fromkeys(scores, 1.0)


def test_ogm_against_a_score_of_zero():
    assert factors(0.8, {"a": 0.3, "v": 0.0}) == {"a": 0.0, "v": 1.0}
    assert factors(0.0, {"a": 0.3, "v": 0.0}) == {"a": 1.0, "v": 1.0}


@pytest.mark.parametrize("alpha", [-0.1, float("nan"), float("inf"), True, "1", None])
def test_ogm_refuses_an_alpha_that_is_no_number(alpha):
    with pytest.raises(ValueError, match="`alpha` must be a finite number of at least 0, found"):
        Ogm(alpha)


def test_ogm_reads_the_score_of_a_name():
    policy = Ogm(0.8, "late_score")
    assert policy.reads == {"late_score"}
    with pytest.raises(NotYetMeasured):
        policy(0, Readings(awaited=["late_score"]))
    with pytest.raises(ValueError, match="does not declare its `modalities`"):
        Together((policy, Constant({"text": 0.5})))


ACCURACIES = SCORES


@given(ACCURACIES, st.sampled_from(["absolute", "gap"]), st.floats(0, 3), st.floats(1, 3), st.floats(0.01, 1))
def test_boost_is_one_for_the_best_and_never_above_its_cap(found, normalise, alpha, scale_max, reference):
    scales = Boost("probe", alpha, scale_max, normalise, reference)(0, {"probe": found})
    assert scales.keys() == found.keys()
    assert scales[max(found, key=found.get)] == pytest.approx(1)
    assert all(1 <= s <= min(scale_max, 1 + alpha + 1e-9) for s in scales.values())
    ordered = sorted(found, key=found.get)
    assert all(scales[a] >= scales[b] - 1e-12 for a, b in pairwise(ordered)), "weaker, larger"


def test_boost_by_an_absolute_lag_fades_and_by_the_gap_does_not():
    for gap, expected in ((0.3, 1.5), (0.1, 1.5), (0.05, 1.25), (0.0001, 1.0005), (0.0, 1.0)):
        found = {"probe": {"a": 0.5 + gap, "v": 0.5}}
        assert Boost()(0, found)["v"] == pytest.approx(expected, abs=1e-9)
        assert Boost(normalise="gap")(0, found)["v"] == (1.5 if gap else 1.0)
    assert Boost(alpha=3)(0, {"probe": {"a": 1.0, "v": 0.0}}) == {"a": 1.0, "v": 2.0}, "capped"
    assert Boost()(0, {"probe": {}}) == {}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"normalise": "mean"}, "`normalise` must be 'absolute' or 'gap', found 'mean'"),
        ({"alpha": -1}, "`alpha` must be a finite number of at least 0, found -1"),
        ({"scale_max": 0.5}, "`scale_max` must be a finite number of at least 1, found 0.5"),
        ({"reference": 0}, "`reference` must be above 0"),
        ({"reference": float("nan")}, "`reference` must be a finite number of at least 0, found nan"),
    ],
)
def test_boost_refuses_settings_outside_their_ranges(settings, words):
    with pytest.raises(ValueError, match=words):
        Boost(**settings)


def test_between_gives_nothing_outside_its_window():
    policy = Between(OneIn(2, "a"), 2, 5)
    assert [policy(t, {}) for t in range(7)] == [{}, {}, {"a": False}, {"a": True}, {"a": False}, {}, {}]
    assert Between(OneIn(2, "a"))(10**9, {}) == {"a": False}
    assert Between(OneIn(2, "a"), 3)(2, {}) == {}


def test_between_does_not_ask_outside_its_window():
    """A reading that is not there yet is no matter before `start`."""
    assert Between(Ogm(0.8), 1)(0, Readings()) == {}


def test_between_declares_what_its_policy_does():
    inside = Between(OneIn(2, "a"), 1)
    assert (inside.reads, inside.modalities, declared(inside)) == (frozenset(), {"a"}, True)
    assert Together((inside, OneIn(3, "b"))).modalities == {"a", "b"}
    bare = Between(lambda index, readings: {"a": True})
    assert not hasattr(bare, "reads")
    assert not hasattr(bare, "modalities")
    assert not declared(bare)
    partly = Between(Ogm(0.8), 1)
    assert partly.reads == {"score"}
    assert not hasattr(partly, "modalities")


def test_between_keeps_the_guard_of_a_skip_for_those_that_read_alone():
    assert Skip(Between(Constant({"a": True}), 5)).limit is None
    assert Skip(Between(lambda index, readings: {"a": True}, 5)).limit == 8


@pytest.mark.parametrize("start", [-1, 1.0, True, None, "2"])
def test_between_starts_at_a_whole_number(start):
    with pytest.raises(ValueError, match="`start` is counted in updates and must be an integer of at least 0, found"):
        Between(Constant({}), start)


@pytest.mark.parametrize("stop", [3, 2, -1, 4.0, True])
def test_between_stops_after_it_starts(stop):
    with pytest.raises(ValueError, match="`stop` must be None or an integer above `start`, 3, found"):
        Between(Constant({}), 3, stop)
