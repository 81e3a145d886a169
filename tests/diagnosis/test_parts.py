"""Shapley values, the bootstrap and permutations, each against what it must be."""

from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asgml.diagnosis._bootstrap import Estimate, cluster_numbers, resampled_means
from asgml.diagnosis._outputs import cycle, mapped, permuted, tensors, zeroed
from asgml.diagnosis._rules import RULES, decide
from asgml.diagnosis._shapley import coalitions, shapley


def over_all_orders(value, players):
    """The definition: what a player adds when it joins, averaged over every order."""
    found = dict.fromkeys(players, 0.0)
    orders = list(permutations(players))
    for order in orders:
        for n, player in enumerate(order):
            before = frozenset(order[:n])
            found[player] += (value[before | {player}] - value[before]) / len(orders)
    return found


@settings(deadline=None, max_examples=50)
@given(st.data(), st.integers(1, 4))
def test_shapley_equals_the_mean_over_all_orders(data, n):
    players = list("abcd"[:n])
    value = {s: data.draw(st.floats(0, 1)) for s in coalitions(players)}
    found = shapley(value)
    assert found == pytest.approx(over_all_orders(value, players), abs=1e-12)
    assert sum(found.values()) == pytest.approx(value[frozenset(players)] - value[frozenset()], abs=1e-12)


def test_shapley_is_symmetric_and_gives_a_bystander_nothing():
    value = {s: min(len(s & {"a", "b"}), 1) * 0.6 for s in coalitions("abc")}
    found = shapley(value)
    assert found["a"] == found["b"] == pytest.approx(0.3)
    assert found["c"] == 0


def test_coalitions_are_all_subsets_once():
    found = list(coalitions("abc"))
    assert len(found) == len(set(found)) == 8
    assert found[0] == frozenset()
    assert found[-1] == frozenset("abc")


def covered(make, groups, rounds=300):
    """Share of data sets whose interval holds the true mean 0.7."""
    g, hits = torch.Generator().manual_seed(0), 0
    for _ in range(rounds):
        column, clusters = make(g)
        numbers = clusters if groups else torch.arange(len(column))
        estimate = Estimate.of(resampled_means(column[:, None], numbers, 200, g)[:, 0])
        hits += estimate.low <= 0.7 <= estimate.high
    return hits / rounds


def test_intervals_hold_the_truth_as_often_as_they_say():
    def alone(g):
        return (torch.rand(150, generator=g) < 0.7).double(), torch.arange(150)

    def alike(g):
        return (torch.rand(60, generator=g) < 0.7).double().repeat_interleave(5), torch.arange(60).repeat_interleave(5)

    assert 0.91 <= covered(alone, groups=False) <= 0.98
    assert 0.91 <= covered(alike, groups=True) <= 0.98
    assert covered(alike, groups=False) < 0.75, "copies counted as samples are too sure"


def test_the_first_row_is_the_mean_itself_and_large_groups_weigh_more():
    columns = torch.tensor([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0]], dtype=torch.double)
    found = resampled_means(columns, torch.tensor([0, 1, 1]), 200, torch.Generator().manual_seed(0))
    assert found[0].tolist() == pytest.approx([2 / 3, 2 / 3])
    assert set(found[1:, 0].mul(6).round().int().tolist()) == {0, 4, 6}, "0 0, 0 1 1 1 1 over 6 rows or 3, and all ones"
    assert Estimate.of(found[:1, 0]) == (pytest.approx(2 / 3), None, None)


def test_groups_may_have_any_names():
    assert cluster_numbers(["b", "a", "b"], 3).tolist() == [0, 1, 0]
    assert cluster_numbers(torch.tensor([7, 7, 9]), 3).tolist() == [0, 0, 1]
    assert cluster_numbers(None, 3).tolist() == [0, 1, 2]


@pytest.mark.parametrize("n", [2, 3, 50])
def test_nobody_keeps_a_place(n):
    for seed in range(20):
        order = cycle(n, torch.Generator().manual_seed(seed))
        assert sorted(order.tolist()) == list(range(n))
        assert not (order == torch.arange(n)).any()
    assert cycle(1, torch.Generator()).tolist() == [0]


def test_permuting_reaches_over_batches_and_keeps_a_sample_together():
    outputs = [(x, {"twice": 2 * x, "note": "kept"}) for x in torch.arange(12.0)[:, None].split([5, 5, 2])]
    swapped = permuted(outputs, [5, 5, 2], torch.Generator().manual_seed(0))
    first = torch.cat([x for x, _ in swapped])
    assert sorted(first.flatten().tolist()) == list(range(12))
    assert not (first.flatten() == torch.arange(12.0)).any()
    assert torch.equal(torch.cat([rest["twice"] for _, rest in swapped]), 2 * first)
    assert [rest["note"] for _, rest in swapped] == ["kept"] * 3
    assert [len(x) for x, _ in swapped] == [5, 5, 2]
    moved = (first[:5] >= 5).any()
    assert moved, "not within the batch alone"


def test_samples_of_another_shape_are_never_mixed():
    outputs = [torch.zeros(2, 3), torch.ones(2, 4), torch.full((2, 3), 2.0)]
    swapped = permuted(outputs, [2, 2, 2], torch.Generator().manual_seed(0))
    assert [tuple(x.shape) for x in swapped] == [(2, 3), (2, 4), (2, 3)]
    assert torch.equal(swapped[1], outputs[1])


def test_zeros_leave_masks_and_what_has_no_row_per_sample():
    x, mask, scale = torch.ones(3, 2), torch.ones(3, dtype=torch.bool), torch.ones(())
    zero, kept, alone = zeroed([x, mask, scale], 3)
    assert (zero == 0).all()
    assert kept is mask
    assert alone is scale
    assert [len(t) for t in tensors([x, mask, scale], 3)] == [3, 3]
    assert mapped(lambda t: t + 1, (x, None), 3)[1] is None


def facts(resamples=0, **changed):
    plain = {
        "probe": 0.8,
        "permuting": 0.3,
        "zeroing": 0.3,
        "shapley": 0.3,
        "only": 0.5,
        "memorised": 0.1,
        "accuracy": 0.9,
        "chance": 0.1,
        "best_probe": 0.8,
        "solo": 0.82,
        "left_behind": 0.02,
        "best_solo": 0.85,
    }
    return {k: torch.tensor(v, dtype=torch.double).expand(1 + resamples) for k, v in (plain | changed).items()}


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "balanced"),
        ({"left_behind": 0.3, "probe": 0.5}, "left behind"),
        ({"left_behind": 0.3, "permuting": 0.0, "shapley": 0.0}, "left behind"),
        ({"permuting": 0.0, "shapley": 0.0}, "ignored"),
        ({"permuting": 0.0, "shapley": 0.3}, "balanced"),
        ({"solo": 0.12, "probe": 0.11, "left_behind": 0.01, "permuting": 0.0, "shapley": 0.0}, "no information"),
        ({"solo": 0.1, "probe": 0.9, "left_behind": -0.8}, "reference did not learn"),
        ({"solo": 0.13, "probe": 0.15, "left_behind": -0.02}, "reference did not learn"),
        ({"solo": 0.1, "probe": 0.13, "left_behind": -0.03}, "no information"),  # the probe knows nothing either
        ({"solo": 0.5, "probe": 0.8, "left_behind": -0.3}, "reference did not learn"),
        ({"solo": 0.5, "probe": 0.55, "left_behind": -0.05}, "poor data"),
        ({"solo": 0.7, "probe": 0.9, "left_behind": -0.2}, "balanced"),
        ({"memorised": 0.6}, "memorises"),
        ({"solo": 0.5, "probe": 0.5}, "poor data"),
    ],
)
def test_the_first_rule_that_holds_is_the_verdict(changed, verdict):
    rule, sure = decide(facts(**changed))
    assert rule.verdict == verdict
    assert sure is None


def test_sure_is_the_share_of_resamples_that_say_the_same():
    rule, sure = decide(facts(left_behind=[0.3, 0.3, 0.3, 0.0, 0.3], resamples=4))
    assert rule.verdict == "left behind"
    assert sure == 0.75


def test_the_last_rule_always_holds_and_names_differ():
    assert len({rule.verdict for rule in RULES}) == len(RULES)
    assert RULES[-1].applies({})
    assert not RULES[-1].needs
