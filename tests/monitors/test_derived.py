"""Readings made of readings: in list order, of one update's values, before the interventions, on finite updates alone."""

import math
from dataclasses import dataclass, field

import pytest
import torch
from torch import nn

import toy
from asgml import Balancer, Recipe
from asgml.interventions import Scale, Skip
from asgml.monitors import Derived, Difference, Gap, GradNorm, Probe, Smoothed
from telling import Told, balancer_of, tell


@dataclass
class Double(Derived):
    """Twice another reading; it counts how often it was asked."""

    of: str
    name: str
    asked: list = field(default_factory=list, compare=False)

    def __post_init__(self):
        self.reads = frozenset({self.of})

    def derive(self, index, readings):
        self.asked.append(index)
        return {m: 2 * value for m, value in readings[self.of].items()}


def test_one_may_be_made_of_another_in_list_order():
    heard = tell(Recipe((Told(), Double("told", "two"), Double("two", "four"))), [{"a": 1.5, "b": 3.0}])
    assert heard[0].readings == {"told": {"a": 1.5, "b": 3.0}, "two": {"a": 3.0, "b": 6.0}, "four": {"a": 6.0, "b": 12.0}}


def test_what_nobody_before_it_measures_is_refused_with_words():
    encoders = {"audio": nn.Linear(1, 1)}
    with pytest.raises(
        ValueError,
        match=r"`measure`: Gap\(of='probe'.* reads \['probe'\], which nobody before it measures; put a monitor of that name "
        r"before it \(there: \['grad_norm'\]\)",
    ):
        Balancer(encoders, measure=[GradNorm(), Gap("probe"), Probe(2)])
    with pytest.raises(ValueError, match=r"Difference\(.*\) reads \['prob'\]"):
        Balancer(encoders, measure=[Probe(2), Difference("probe", "prob")])
    with pytest.raises(ValueError, match=r"reads \['gap'\]"):
        Balancer(encoders, measure=[Probe(2), Gap("gap")])
    Balancer(encoders, measure=[Probe(2), Gap("probe")])


def test_it_is_asked_only_where_what_it_reads_was_measured_and_keeps_its_reading_else():
    twice = Double("told", "twice")
    balancer = Balancer({m: balancer_of(None)._modules[m] for m in "ab"}, measure=[Told(every=2), GradNorm(), twice])
    heard = tell(None, [{"a": float(t), "b": 0.0} for t in range(4)], balancer)
    assert twice.asked == [0, 2]
    assert [h.readings.get("twice") for h in heard] == [{"a": 0.0, "b": 0.0}, {}, {"a": 4.0, "b": 0.0}, {}]
    assert balancer.readings["twice"] == {"a": 4.0, "b": 0.0}


def test_this_updates_interventions_see_it_and_skips_the_next_updates():
    class By:
        reads = frozenset({"twice"})

        def __init__(self, what):
            self.what = what

        def __call__(self, index, readings):
            return {m: self.what(value) for m, value in readings["twice"].items()}

    measure = (Told(), Double("told", "twice"))
    heard = tell(Recipe(measure, (Scale(By(lambda v: v)),)), [{"a": 1.0, "b": 3.0}, {"a": 2.0, "b": 0.5}])
    assert [h.grads for h in heard] == [{"a": 2.0, "b": 6.0}, {"a": 8.0, "b": 2.0}]
    heard = tell(Recipe(measure, (Skip(By(lambda v: v > 4)),)), [{"a": 1.0, "b": 3.0}, {"a": 2.5, "b": 0.5}])
    assert [(h.skipped, h.skipping) for h in heard] == [(set(), {"b"}), ({"b"}, {"a"})]


def test_an_update_that_is_not_finite_asks_nobody():
    twice = Double("told", "twice")
    encoders = balancer_of(None)._modules
    balancer = Balancer(dict(encoders), measure=[Told(), twice])
    tell(None, [{"a": 1.0, "b": 2.0}], balancer)
    sum(e(torch.full((1, 1), 9.0, dtype=torch.float64)).sum() for e in encoders.values()).backward()
    encoders["a"].weight.grad.fill_(math.inf)
    assert balancer.adjust() == {}
    assert twice.asked == [0]
    assert balancer.readings["twice"] == {"a": 2.0, "b": 4.0}


def test_a_difference_is_of_modalities_that_have_both_in_one_update():
    gap = Difference("a", "b")
    assert gap.derive(0, {"a": {"x": 1.0, "y": 2.0}, "b": {"y": 0.5, "z": 9.0}}) == {"y": 1.5}
    made = toy.train(
        toy.TWO, Recipe((Probe(3, every=2), Probe(3, lr=0.1, every=3, name="slow"), Difference("probe", "slow"))), steps=9
    )
    readings = made.balancer.readings
    assert made.balancer.measure[2].reads == {"probe", "slow"}
    assert readings["difference"].keys() == set(toy.TWO), "updates 0 and 6 have both"
    assert readings["difference"] != {m: readings["probe"][m] - readings["slow"][m] for m in toy.TWO}, "of update 6, not of 8"


def test_the_average_of_what_looks_at_no_step_is_refused():
    with pytest.raises(TypeError, match=r"must look at steps itself, found Gap\(.*\): smooth what it reads instead"):
        Smoothed(Gap("probe"))
