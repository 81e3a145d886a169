"""Speed: ASGML's dual signal."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import toy
from asgml.monitors import Speed

SIZES = st.floats(0, 1e3, allow_subnormal=False)
UPDATES = st.lists(
    st.tuples(*[st.dictionaries(st.sampled_from("abc"), SIZES, min_size=1) for _ in range(2)]), min_size=1, max_size=12
)
NORMS = ({"a": 2.0, "v": 1.0}, {"a": 1.5, "v": 1.1}, {"a": 1.2, "v": 1.0})
FALLS = ({"a": 0.0, "v": 0.0}, {"a": 0.3, "v": 0.01}, {"a": 0.6, "v": 0.04})


def read(speed, norms, falls):
    pairs = zip(norms, falls, strict=True)
    return [speed.derive(t, {"grad_norm": n, "loss_descent": f}) for t, (n, f) in enumerate(pairs)]


def test_the_published_ratios():
    """Norms averaged with 0.1 on the newest, descents of the losses 1.8 1.5 1.2 and 1.79 1.78 1.75."""
    assert read(Speed(beta=1), NORMS, FALLS)[-1] == pytest.approx({"a": 1.1965567, "v": 0.8034433}, abs=1e-6)
    assert read(Speed(beta=0), NORMS, FALLS)[-1] == pytest.approx({"a": 1.875, "v": 0.125}, abs=1e-6)
    assert read(Speed(), NORMS, FALLS)[-1] == pytest.approx({"a": 1.5357783, "v": 0.4642217}, abs=1e-6)


@given(updates=UPDATES, beta=st.floats(0, 1))
def test_speeds_of_one_update_add_up_to_their_number(updates, beta):
    for reading in read(Speed(beta=beta), *zip(*updates, strict=True)):
        assert sum(reading.values()) == pytest.approx(len(reading), rel=1e-9)
        assert all(value >= 0 for value in reading.values())


def test_the_first_update_and_vanishing_means_are_a_ratio_of_1():
    assert read(Speed(), NORMS[:1], ({"a": 5.0, "v": 1.0},)) == [{"a": 1, "v": 1}], "two updates make a speed"
    still = ({"a": 0.0, "v": 1e-9},) * 3
    assert read(Speed(beta=0), NORMS, still)[-1] == {"a": 1, "v": 1}
    assert read(Speed(beta=1), still, FALLS)[-1] == {"a": 1, "v": 1}
    assert read(Speed(beta=0), NORMS, ({"a": 3e-8, "v": 1e-8},) * 3)[-1] == pytest.approx({"a": 1.5, "v": 0.5})


def test_the_sign_of_a_descent_does_not_count():
    rising = tuple({m: -fall for m, fall in falls.items()} for falls in FALLS)
    assert read(Speed(), NORMS, rising) == read(Speed(), NORMS, FALLS)


def test_a_skipped_modality_keeps_its_average_norm_and_goes_on_being_told_apart():
    norms = (*NORMS, {"v": 1.0}, {"v": 1.0})
    last = read(Speed(beta=1), norms, (*FALLS, FALLS[-1], FALLS[-1]))[-1]
    mean = {m: sum(0.9 ** (len(v) - 1 - i) * x for i, x in enumerate(v)) / sum(0.9**i for i in range(len(v)))
            for m, v in {"a": [2.0, 1.5, 1.2], "v": [1.0, 1.1, 1.0, 1.0, 1.0]}.items()}  # fmt: skip
    assert last["a"] == pytest.approx(2 * mean["a"] / (mean["a"] + mean["v"]))


def test_one_that_joins_late_makes_all_wait_and_one_that_is_absent_is_left_out():
    norms = [{"a": 1.0, "v": 3.0}] * 2 + [{"a": 1.0, "v": 3.0, "t": 2.0}] * 2 + [{"a": 1.0, "v": 3.0}]
    readings = read(Speed(beta=1), norms, norms)
    assert readings[1] == pytest.approx({"a": 0.5, "v": 1.5})
    assert readings[2] == {"a": 1, "v": 1, "t": 1}
    assert readings[3] == pytest.approx({"a": 0.5, "v": 1.5, "t": 1})
    assert readings[4] == pytest.approx({"a": 0.5, "v": 1.5})


def test_what_is_not_finite_is_left_out():
    readings = read(Speed(), (*NORMS, {"a": math.inf, "v": 1.0}), (*FALLS, {"a": 0.5, "v": math.nan}))
    assert readings[-1] == {"a": pytest.approx(1)}
    assert all(map(math.isfinite, readings[-1].values()))


@given(updates=UPDATES, cut=st.integers(0, 12))
def test_averages_survive_a_resume(updates, cut):
    norms, falls = zip(*updates, strict=True)
    whole, first, second = Speed(), Speed(), Speed()
    expected, before = read(whole, norms, falls), read(first, norms[:cut], falls[:cut])
    second.load_state_dict(toy.through_file(first.state_dict()))
    assert before + read(second, norms[cut:], falls[cut:]) == expected


def test_misuse():
    with pytest.raises(ValueError, match=r"`beta` must lie in \[0, 1\], found 1.5"):
        Speed(beta=1.5)
    with pytest.raises(ValueError, match=r"`decay` must lie in \[0, 1\), found 1"):
        Speed(decay=1)
