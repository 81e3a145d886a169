"""Recipes add up: order, equal diagnostics once, exclusive parts merged over disjoint modalities, overlaps refused."""

import pytest

import toy
from asgml import Recipe, recipes
from asgml.diagnostics import GradNorm, Probe
from asgml.interventions import Delay, Skip
from asgml.policies import Constant, OneIn, Together
from toy import THREE, identical


def test_addition_keeps_the_order():
    both = recipes.staleness("visual", 2) + recipes.frequency("audio", 2)
    assert both.act == (Delay({"visual": 2}), Skip(OneIn(2, "audio")))
    assert Recipe() + both == both == both + Recipe()


def test_exclusive_parts_become_one_where_the_first_stood():
    three = recipes.frequency("audio", 2) + recipes.staleness("audio", 1) + recipes.frequency("visual", 3)
    assert three.act == (Skip(Together((OneIn(2, "audio"), OneIn(3, "visual")))), Delay({"audio": 1}))
    more = three + recipes.frequency("text", 4)
    assert more.act[0].modalities == set(THREE)


def test_the_merged_part_trains_like_one_policy_for_both():
    merged = recipes.frequency("audio", 2) + recipes.frequency("visual", 3)
    by_hand = Skip(lambda t, readings: {"audio": t % 2 == 1, "visual": t % 3 == 2}, at_most=None)
    assert identical(toy.train(THREE, merged).weights(), toy.train(THREE, Recipe(act=(by_hand,))).weights())


def test_an_overlap_is_refused_with_words():
    with pytest.raises(ValueError, match=r"\['audio'\] would be decided by two policies: OneIn.*OneIn.*; keep one of them"):
        recipes.frequency("audio", 2) + recipes.frequency("audio", 3)
    with pytest.raises(ValueError, match=r"\['audio'\] would be decided by two policies"):
        recipes.staleness("audio", 2) + recipes.staleness("audio", 2)


def test_equal_diagnostics_are_kept_once_and_different_ones_of_one_name_refused():
    one = Recipe((GradNorm(), Probe(3)))
    assert (one + Recipe((Probe(3), GradNorm()))).measure == (GradNorm(), Probe(3))
    assert (one + Recipe((Probe(4, name="probe_4"),))).measure == (GradNorm(), Probe(3), Probe(4, name="probe_4"))
    with pytest.raises(ValueError, match=r"share the name 'probe' but differ: use one of them"):
        one + Recipe((Probe(3, lr=0.1),))


def test_an_exclusive_part_of_ones_own_says_how_it_joins_or_is_refused():
    class Own(Skip):
        joined = recipes.Intervention.joined

    with pytest.raises(ValueError, match="two Own cannot be joined: give one of them all the modalities instead"):
        Recipe(act=(Own(Constant({"a": True})),)) + Recipe(act=(Own(Constant({"b": True})),))


def test_constants_are_not_changed_by_their_makers_dictionary():
    given = {"audio": 2}
    policy = Constant(given)
    given["audio"] = 3
    assert policy(0, {}) == {"audio": 2}
    assert Constant({"audio": 2}) == policy != Constant({"audio": 3})
