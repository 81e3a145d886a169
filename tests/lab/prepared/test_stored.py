import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asgml.lab.prepared.stored import Stored

WHOLE = np.arange(30, dtype=np.int16).reshape(10, 3)
SHARDS = [WHOLE[:4], WHOLE[4:5], WHOLE[5:]]


def stored():
    return Stored(SHARDS, np.arange(10), lambda raw: raw.astype(np.float32) / 2)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(st.integers(0, 9), max_size=12))
def test_rows_are_those_of_the_whole(rows):
    found = stored()[np.array(rows, dtype=np.int64)]
    assert len(found) == len(rows)
    assert found.shape == (len(rows), 3)
    assert np.array_equal(np.asarray(found), WHOLE[np.array(rows, dtype=np.int64)] / 2)
    assert np.asarray(found).dtype == np.float32


def test_masks_slices_and_choices_of_choices():
    mask = np.arange(10) % 2 == 1
    assert np.array_equal(np.asarray(stored()[mask][1:4]), WHOLE[[3, 5, 7]] / 2)


def test_neighbours_are_not_copied():
    assert np.shares_memory(stored()[5:9].raw(), WHOLE)
    assert not np.shares_memory(stored()[3:5].raw(), WHOLE)


def test_nothing_is_read_before_it_is_asked_for():
    def refuse(raw):
        assert len(raw) < 2
        return raw

    chosen = Stored(SHARDS, np.arange(10), refuse)[np.arange(5)]
    with pytest.raises(AssertionError):
        np.asarray(chosen)
