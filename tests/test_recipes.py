"""Recipes add up: order, equal monitors once, exclusive parts merged over disjoint modalities, overlaps refused."""

import pytest

import toy
from asgml import Recipe, recipes
from asgml.interventions import Delay, Skip
from asgml.monitors import GradNorm, Probe
from asgml.policies import Constant, EveryK, OneIn, Together
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


def test_equal_monitors_are_kept_once_and_different_ones_of_one_name_refused():
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


def test_frequency_takes_any_subset_k_phase_and_either_rule():
    assert recipes.frequency({"audio": 2, "text": 7}, phase=3).act == (
        Skip(Together((OneIn(2, "audio", 3), OneIn(7, "text", 3)))),
    )
    assert recipes.frequency({"audio": 3}) == recipes.frequency("audio", 3) == recipes.frequency("audio", 3, rule="one_in")
    assert recipes.frequency("audio", 4, 1, "every").act == (Skip(EveryK(4, "audio", 1)),)
    both = recipes.frequency({"audio": 2, "visual": 3})
    added = recipes.frequency("audio", 2) + recipes.frequency("visual", 3)
    assert both == added
    assert identical(toy.train(THREE, both).weights(), toy.train(THREE, added).weights())


def test_staleness_takes_a_mapping():
    assert recipes.staleness({"audio": 1, "visual": 3}, damping=0.1).act == (Delay({"audio": 1, "visual": 3}, damping=0.1),)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: recipes.frequency("audio"), "`k` must be given for 'audio', or a mapping modality -> k, found None"),
        (lambda: recipes.frequency({"audio": 2}, 3), r"`k` stands in the mapping {'audio': 2} already, found 3 beside it"),
        (lambda: recipes.frequency({"audio": 2, "visual": 1}), "`k` must be an integer of at least 2 updates, found 1"),
        (lambda: recipes.frequency("audio", 2, rule="each"), r"`rule` must be one of \['one_in', 'every'\], found 'each'"),
        (lambda: recipes.staleness("audio"), "`tau` must be given for 'audio'"),
        (lambda: recipes.staleness({"audio": 2}, 2), "`tau` stands in the mapping"),
    ],
)
def test_what_a_schedule_does_not_accept(build, words):
    with pytest.raises(ValueError, match=words):
        build()
