"""What a speed is mapped to: tau within its bounds and within kappa times the smallest, for those above the mean alone."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgml.policies import FrequencyBySpeed, StalenessBySpeed

SPEEDS = st.dictionaries(st.sampled_from("abcd"), st.floats(0, 50), min_size=1)


def taus(speeds, **settings):
    return StalenessBySpeed(**settings)(0, {"speed": speeds})


def test_kappa_as_published():
    assert taus({"a": 8.0, "b": 2.0, "c": 1.0}, kappa=3) == {"a": 3, "b": 2, "c": 0}
    assert StalenessBySpeed(kappa=3).taus({"a": 8.0, "b": 2.0, "c": 1.0}) == {"a": 3, "b": 2, "c": 1}
    assert taus({"a": 8.0, "b": 2.0, "c": 1.0}, kappa=2.9)["a"] == 2
    assert taus({"a": 8.0, "b": 2.0, "c": 1.0}, kappa=math.inf)["a"] == 8


def test_the_published_speeds():
    """tau_base 2: 3.07 and 1 for the dual signal; 2.6 and 1.4 for accuracies of 0.65 and 0.35 over their mean."""
    assert StalenessBySpeed(tau_base=2).taus({"a": 1.5357783, "v": 0.4642217}) == {"a": 3, "v": 1}
    assert StalenessBySpeed(tau_base=2).taus({"a": 1.3, "v": 0.7}) == {"a": 3, "v": 1}


@pytest.mark.parametrize(("speed", "tau"), [(0, 0), (1, 0), (1.01, 1), (1.49, 1), (1.5, 2), (2.5, 3), (3.5, 4), (99, 8)])
def test_halves_are_rounded_up_within_the_bounds(speed, tau):
    assert taus({"a": speed, "b": 0.5}, kappa=99) == {"a": tau, "b": 0}
    assert taus({"a": speed, "b": 0.5}, kappa=99, tau_max=2)["a"] == min(tau, 2)


def test_frequency_updates_once_every_tau():
    policy = FrequencyBySpeed(tau_base=2)
    masks = [policy(t, {"speed": {"a": 1.5, "v": 0.5}}) for t in range(9)]
    assert masks == [{"a": t % 3 != 0} for t in range(9)]
    assert [FrequencyBySpeed()(t, {"speed": {"a": 1.4, "v": 0.6}}) for t in range(9)] == [{}] * 9


@given(speeds=SPEEDS, base=st.floats(0.1, 9), tau_max=st.integers(1, 20), kappa=st.floats(1, 20), index=st.integers(0, 99))
def test_only_the_fast_are_slowed_and_never_beyond_the_bounds(speeds, base, tau_max, kappa, index):
    settings = {"tau_base": base, "tau_max": tau_max, "kappa": kappa}
    found = taus(speeds, **settings)
    assert found.keys() == speeds.keys()
    freshest = min(max(1, tau) for tau in found.values())
    for m, tau in found.items():
        assert (tau > 0) == (speeds[m] > 1)
        assert tau <= min(tau_max, int(kappa * freshest))
    ordered = sorted(speeds, key=speeds.get)
    assert [found[m] for m in ordered] == sorted(found.values()), "the faster, the staler"
    skipped = FrequencyBySpeed(**settings)(index, {"speed": speeds})
    assert skipped == {m: index % tau != 0 for m, tau in found.items() if tau > 1}


def test_the_reading_is_named():
    for kind in (FrequencyBySpeed, StalenessBySpeed):
        assert kind().reads == {"speed"}
        assert kind("pace").reads == {"pace"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tau_base": 0}, "`tau_base` must be a finite number above 0, found 0"),
        ({"tau_max": 0}, "`tau_max` must be an integer of at least 1, found 0"),
        ({"kappa": 0.5}, "`kappa` must be at least 1, found 0.5"),
        ({"kappa": math.nan}, "`kappa` must be at least 1, found nan"),
    ],
)
@pytest.mark.parametrize("kind", [FrequencyBySpeed, StalenessBySpeed])
def test_misuse(kind, settings, words):
    with pytest.raises(ValueError, match=words):
        kind(**settings)
