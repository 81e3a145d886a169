"""RandomSide: a control that draws by seed, step and names alone."""

from collections import Counter
from itertools import pairwise

import pytest

from asgml.policies import RandomSide

NAMES = ("audio", "visual", "text")


def sides(policy, steps=1200):
    return [[m for m, skip in policy(t, {}).items() if skip] for t in range(steps)]


@pytest.mark.parametrize("k", [2, 3, 7])
def test_one_is_skipped_at_the_last_of_every_k_steps(k):
    assert [len(s) for s in sides(RandomSide(NAMES, k), 60)] == [int(t % k == k - 1) for t in range(60)]


def test_each_is_drawn_as_often_and_no_draw_tells_the_next():
    drawn = [s[0] for s in sides(RandomSide(NAMES, 2, seed=5), 6000) if s]
    expected, spread = 1000, (3000 * 2 / 9) ** 0.5
    assert all(abs(n - expected) < 4 * spread for n in Counter(drawn).values())
    pairs = Counter(pairwise(drawn))
    assert len(pairs) == 9
    assert all(abs(n - 3000 / 9) < 4 * (3000 * 8 / 81) ** 0.5 for n in pairs.values())


def test_the_order_of_names_does_not_matter():
    one, other = RandomSide(NAMES, 2), RandomSide(list(NAMES[::-1]), 2)
    assert one == other
    assert sides(one) == sides(other)


def test_the_seed_does_and_nothing_else():
    assert sides(RandomSide(NAMES, 2, seed=1)) == sides(RandomSide(NAMES, 2, seed=1)) != sides(RandomSide(NAMES, 2, seed=2))
    late = RandomSide(NAMES, 2)
    assert late(901, {}) == RandomSide(NAMES, 2)(901, {}), "no step is drawn before it"
    assert [set(late(t, {})) for t in range(4)] == [set(NAMES)] * 4
    assert late.reads == frozenset()


@pytest.mark.parametrize("names", ["audio", [], ["audio", "audio"]])
def test_names_are_different_and_some(names):
    with pytest.raises(ValueError, match="`modalities` must be different names, one at least, found"):
        RandomSide(names, 2)


@pytest.mark.parametrize("k", [1, 2.0, True, None])
def test_k_is_a_whole_number_of_at_least_two(k):
    with pytest.raises(ValueError, match="`k` must be an integer of at least 2, found"):
        RandomSide(NAMES, k)
