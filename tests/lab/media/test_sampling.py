import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgml.lab.media import moments

TIMES = np.arange(30) / 10  # 30 frames at 10 Hz: 3 s


def test_even_takes_the_middle_of_equal_parts():
    assert moments("even", 3, TIMES, np.random.default_rng(0)).tolist() == [5, 15, 25]
    assert moments("even", 1, TIMES, np.random.default_rng(0)).tolist() == [15]


def test_first_takes_the_first_frames():
    assert moments("first", 3, TIMES, np.random.default_rng(0)).tolist() == [0, 1, 2]


def test_segment_draws_one_frame_in_every_part():
    drawn = np.array([moments("segment", 3, TIMES, np.random.default_rng(n)) for n in range(200)])
    assert all(set(drawn[:, part]) == set(range(10 * part, 10 * part + 10)) for part in range(3))


def test_it_is_time_that_counts_not_the_number_of_frames():
    uneven = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 2.0, 2.9])
    assert moments("even", 2, uneven, np.random.default_rng(0)).tolist() == [4, 5]


@pytest.mark.parametrize("sampling", ["even", "segment", "first"])
@settings(max_examples=25)
@given(count=st.integers(1, 12), frames=st.integers(1, 9), seed=st.integers(0, 9))
def test_frames_stand_in_order_and_exist(sampling, count, frames, seed):
    found = moments(sampling, count, np.arange(frames) / 25, np.random.default_rng(seed))
    assert found.shape == (count,)
    assert (np.diff(found) >= 0).all()
    assert found.min() >= 0
    assert found.max() < frames
