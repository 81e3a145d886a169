"""Gap: the lead over the weakest, where it is worth acting on, without flicker."""

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import toy
from asgml.monitors import Gap

VALUES = st.floats(-10, 10, allow_subnormal=False)
UPDATES = st.lists(st.dictionaries(st.sampled_from("abc"), VALUES, min_size=1), min_size=1, max_size=20)


def read(gap, updates):
    return [gap.derive(t, {gap.of: values}) for t, values in enumerate(updates)]


def against(lead):
    return {"a": 0.5 + lead, "b": 0.5}


def test_each_one_leads_the_weakest():
    (reading,) = read(Gap("probe"), [{"a": 0.65, "t": 0.5, "v": 0.35}])
    assert reading == pytest.approx({"a": 0.3, "t": 0.15, "v": 0.0})


def test_it_engages_above_the_threshold_and_releases_below_the_release():
    leads = [0.25, 0.5, 0.25, 0.125, 0.1, 0.2, 0.3]
    assert [r["a"] for r in read(Gap("probe", 0.25), map(against, leads))] == pytest.approx([0, 0.5, 0.25, 0.125, 0, 0, 0.3])
    assert [r["a"] for r in read(Gap("probe", 0.25, 0.2), map(against, leads))] == pytest.approx([0, 0.5, 0.25, 0, 0, 0, 0.3])


def test_the_published_accuracies_engage_at_once_and_uncorrected_averages_late():
    """Gaps of accuracies 0.65 and 0.35, then 0.5 and 0.45; and the average from 0 that crosses 0.1 at its fourth value."""
    assert Gap("probe").derive(0, {"probe": {"a": 0.65, "v": 0.35}})["a"] == pytest.approx(0.3)
    assert Gap("probe").derive(0, {"probe": {"a": 0.5, "v": 0.45}}) == {"a": 0, "v": 0}
    biased = [0.3 * (1 - 0.9**n) for n in (1, 2, 3, 4, 5)]
    assert [r["a"] > 0 for r in read(Gap("probe"), map(against, biased))] == [False, False, False, True, True]


def test_noise_about_the_threshold_does_not_flicker():
    rng = random.Random(0)
    updates = [against(0.1 + rng.gauss(0, 0.02)) for _ in range(500)]

    def switches(gap):
        on = [r["a"] > 0 for r in read(gap, updates)]
        return sum(before != after for before, after in pairwise(on))

    assert switches(Gap("probe", 0.1, release=0.1)) > 150
    assert switches(Gap("probe", 0.1)) < 10


@given(updates=UPDATES, threshold=st.floats(0, 5), share=st.floats(0, 1))
def test_it_is_what_the_words_say(updates, threshold, share):
    gap, latest, engaged = Gap("x", threshold, threshold * share), {}, set()
    for values in updates:
        (reading,) = read(gap, [values])
        latest.update(values)
        leads = {m: value - min(latest.values()) for m, value in latest.items()}
        for m, lead in leads.items():
            if lead > threshold:
                engaged.add(m)
            elif lead < threshold * share:
                engaged.discard(m)
        assert reading == {m: lead if m in engaged else 0.0 for m, lead in leads.items()}
        assert min(reading.values()) == 0
        assert gap.engaged == engaged


@given(updates=UPDATES, cut=st.integers(0, 20), threshold=st.floats(0, 5))
def test_hysteresis_survives_a_resume(updates, cut, threshold):
    whole, first, second = (Gap("x", threshold) for _ in range(3))
    expected = read(whole, updates)
    before = read(first, updates[:cut])
    second.load_state_dict(toy.through_file(first.state_dict()))
    assert before + read(second, updates[cut:]) == expected
    assert toy.identical(second.state_dict(), whole.state_dict())


def test_without_its_memory_the_same_lead_would_not_count():
    held, fresh = Gap("probe", 0.25), Gap("probe", 0.25)
    read(held, [against(0.5)])
    assert read(held, [against(0.1875)])[0]["a"] == 0.1875
    assert read(fresh, [against(0.1875)])[0]["a"] == 0
    assert held.fresh().state_dict() == {"latest": {}, "engaged": []}


def test_who_is_left_out_or_not_finite_counts_with_the_last_value():
    gap = Gap("x", 0.0)
    updates = [{"a": 3.0, "b": 1.0}, {"a": 4.0}, {"a": 5.0, "b": math.nan}, {"a": math.inf, "b": 2.0}]
    assert [r["a"] for r in read(gap, updates)] == [2, 3, 4, 3]
    assert read(Gap("x"), [{"a": math.nan}]) == [{}]


@pytest.mark.parametrize("threshold", [-0.1, math.nan])
def test_a_threshold_is_at_least_0(threshold):
    with pytest.raises(ValueError, match="`threshold` must be at least 0, in the unit of 'probe', found"):
        Gap("probe", threshold)


@pytest.mark.parametrize("release", [-0.1, 0.2, math.nan])
def test_a_release_lies_below_the_threshold(release):
    with pytest.raises(ValueError, match=r"`release` must lie between 0 and the threshold, 0.1, found"):
        Gap("probe", 0.1, release)
