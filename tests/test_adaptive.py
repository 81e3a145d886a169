"""Adaptive recipes in a whole training: neutral below the threshold, one step ahead, guarded, and as the published numbers."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import table
import toy
from asgml import Balancer, Recipe, recipes
from asgml.interventions import Skip
from asgml.monitors import Difference, GradNorm, LossDescent, Probe, Score, Smoothed, ValidationProbe
from telling import Telling, Told, tell
from toy import CLASSES, THREE, TWO, identical

DRIVES = ("frequency", "staleness", "scale")
SIGNALS = {
    "probe": lambda model: Probe(CLASSES),
    "validation_probe": lambda model: validation_probe(model),
    "memorised": lambda model: [Probe(CLASSES), validation_probe(model), Difference("probe", "validation_probe")],
    "score": lambda model: Smoothed(Score(dict(model.heads))),
    "loss_descent": lambda model: Smoothed(LossDescent.own_head(dict(model.heads), signed=True)),
    "grad_norm": lambda model: Smoothed(GradNorm()),
}
EVERY_DRIVE = pytest.mark.parametrize("drive", DRIVES)


def validation_probe(model):
    return ValidationProbe(CLASSES, dict(model.encoders), table.held_out(model), score_every=2)


def adaptive(signal, drive, **how):
    return lambda model: recipes.adaptive(SIGNALS[signal](model), drive, **how)


@EVERY_DRIVE
@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("modalities", [TWO, THREE], ids=["two", "three"])
def test_below_its_threshold_training_is_bit_for_bit_what_it_is_without(drive, signal, modalities):
    run = toy.train(modalities, adaptive(signal, drive, threshold=1e3), steps=12)
    bare = toy.train(modalities, bare=True, steps=12)
    assert identical(run.weights(), bare.weights())
    assert all(identical(applied, raw) for applied, raw in zip(run.applied, run.raw, strict=True))
    assert run.balancer.readings["gap"] == dict.fromkeys(modalities, 0.0)
    acting = toy.train(modalities, adaptive(signal, drive, threshold=0.0), steps=12)
    assert not identical(acting.weights(), bare.weights())


LEADS = st.lists(st.dictionaries(st.sampled_from("abc"), st.floats(0, 1, width=16), min_size=1), min_size=1, max_size=12)


@EVERY_DRIVE
@settings(max_examples=60, deadline=None)
@given(sequence=LEADS, threshold=st.floats(0, 1, width=16))
def test_nobody_is_acted_on_before_its_lead_has_exceeded_the_threshold(drive, sequence, threshold):
    recipe = recipes.adaptive(Told(), drive, threshold, k_max=2, full=0.01)
    latest, ever = {}, set()
    for values, heard in zip(sequence, tell(recipe, sequence), strict=True):
        latest |= values
        ever |= {m for m, v in latest.items() if v - min(latest.values()) > threshold}
        assert heard.acted_on() <= ever
        assert heard.skipped <= ever


@EVERY_DRIVE
def test_whoever_leads_is_acted_on_and_in_the_end_let_go(drive):
    leads = [0.05, 0.3, 0.3, 0.3, 0.07, 0.07, 0.04, 0.04, 0.04, 0.04]
    heard = tell(recipes.adaptive(Told(), drive, k_max=2), [{"a": 0.5 + v, "b": 0.5} for v in leads])
    acted = [h.acted_on() | h.skipped for h in heard]
    assert set().union(*acted) == {"a"}
    assert acted[0] == set()
    assert all("a" in acted[t] for t in (2, 3, 4, 5)), "also at 0.07, between release and threshold"
    assert acted[8:] == [set(), set()]


def test_the_gap_says_how_strongly():
    sequence = [{"a": 0.75, "b": 0.5, "c": 0.625}] * 12
    scaled = tell(recipes.adaptive(Told(), "scale", floor=0.5), sequence)
    assert [h.grads for h in scaled] == [{"a": 0.75 * n, "b": n, "c": 0.875 * n} for n in range(1, 13)]
    skipped = tell(recipes.adaptive(Told(), "frequency", k_max=9), sequence)
    assert [sorted(h.skipped) for h in skipped] == [["a"] * (t % 4 == 3) + ["c"] * (t % 8 == 7) for t in range(12)]
    delayed = tell(recipes.adaptive(Told(), "staleness"), sequence)
    assert [h.grads["a"] for h in delayed] == [None, None, *range(1, 11)]
    assert [h.grads["c"] for h in delayed] == [None, *range(1, 12)]
    assert [h.grads["b"] for h in delayed] == [*range(1, 13)]


def test_of_several_the_last_one_steers():
    other, made = Told(name="other"), Difference("told", "other")
    measure = recipes.adaptive([Told(), other, made]).measure
    assert [d.name for d in measure] == ["told", "other", "difference", "gap"]
    assert measure[-1].reads == {"difference"}
    heard = tell(recipes.adaptive([Told(), other, made], "scale"), [{"a": 1.0, "b": 0.0}])
    assert heard[0].grads == {"a": 1, "b": 1}, "both say the same, so nobody leads in the difference"


def test_step_0_skips_nobody_however_large_the_lead():
    sequence = [{"a": 1.0, "b": 0.0}] * 4
    for recipe in (recipes.adaptive(Told(), k_max=2), Recipe((Told(),), (Skip(Whenever()),))):
        heard = tell(recipe, sequence)
        assert heard[0].skipped == set()
        assert heard[0].grads == {"a": 1, "b": 1}
    assert heard[0].skipping == {"a"}, "the reading of step 0 decides for step 1"


class Whenever:
    """Skips whoever says more than 0.5, always."""

    reads = frozenset({"told"})

    def __call__(self, index, readings):
        return {m: value > 0.5 for m, value in readings["told"].items()}


def test_the_starvation_guard_holds():
    """A lead of 1 / (t + 2) at update t would skip every update after it, as the last of a group of t + 2."""
    balancer = Balancer({m: Telling() for m in "ab"}, recipes.adaptive(Told(), threshold=0.01, k_max=50))
    heard = tell(None, [{"a": 1 / (t + 2), "b": 0.0} for t in range(20)], balancer)
    assert ["a" in h.skipped for h in heard] == [t not in (0, 9, 18) for t in range(20)]
    assert balancer.act[0].forced == {"a": 2}


@EVERY_DRIVE
def test_hysteresis_survives_a_resume_of_the_whole(drive):
    """Engaged before the cut, between release and threshold after it: only a remembered engagement acts there."""
    before, after = [{"a": 0.75, "b": 0.5}] * 3, [{"a": 0.5625, "b": 0.5}] * 5
    make = lambda: Balancer({m: Telling() for m in "ab"}, recipes.adaptive(Told(), drive, k_max=2, tau_max=9))
    whole, first, second, fresh = (make() for _ in range(4))
    expected = tell(None, before + after, whole)[3:]
    tell(None, before, first)
    second.load_state_dict(toy.through_file(first.state_dict()))
    assert tell(None, after, second) == expected
    assert identical(second.state_dict(), whole.state_dict())
    assert all("a" in h.acted_on() | h.skipped for h in expected[:2])
    assert all(h.acted_on() | h.skipped == set() for h in tell(None, after, fresh))


class Saying(nn.Module):
    """Logits that have a loss told in advance; a weight whose gradient is told too."""

    def __init__(self):
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(()))

    def forward(self, loss):
        logit = math.log(math.expm1(loss))  # cross-entropy of logits (0, z) and label 0 is log(1 + e^z)
        return torch.tensor([[0.0, logit]] * 3) + (self.theta - self.theta.detach())


def test_the_published_dual_signal_in_a_training():
    encoders = {m: Saying() for m in "av"}
    same = {m: nn.Identity() for m in "av"}
    balancer = Balancer(encoders, recipes.dual_signal(LossDescent(same), "staleness", tau_base=2))
    for losses, norms in (
        ({"a": 1.8, "v": 1.79}, {"a": 2.0, "v": 1.0}),
        ({"a": 1.5, "v": 1.78}, {"a": 1.5, "v": 1.1}),
        ({"a": 1.2, "v": 1.75}, {"a": 1.2, "v": 1.0}),
    ):
        sum(encoders[m](loss).sum() for m, loss in losses.items()).backward()
        for m, norm in norms.items():
            encoders[m].theta.grad = torch.tensor(norm)
        speed = balancer.adjust(torch.zeros(3, dtype=torch.long))["speed"]
    assert speed == pytest.approx({"a": 1.5357783, "v": 0.4642217}, abs=1e-4)
    assert balancer.act[0].policy(2, balancer.readings) == {"a": 3, "v": 0}


@pytest.mark.parametrize("drive", ["frequency", "staleness"])
def test_the_dual_signal_slows_the_faster_alone(drive):
    recipe = lambda model: recipes.dual_signal(table.own_descent(model), drive, tau_base=2)
    run = toy.train(TWO, recipe, steps=30)
    tally = run.balancer.tally
    slowed = {m: tally[m]["skipped"] + tally[m]["held"] for m in TWO}
    assert sum(slowed.values()) > 0
    assert all(speed <= 2 for speed in run.balancer.readings["speed"].values())
    assert sum(run.balancer.readings["speed"].values()) == pytest.approx(2)


def test_misuse():
    with pytest.raises(ValueError, match=r"`drive` must be one of \['frequency', 'staleness', 'scale'\], found 'skip'"):
        recipes.adaptive(Probe(3), "skip")
    with pytest.raises(ValueError, match=r"`drive` must be one of \['frequency', 'staleness'\], found 'scale'"):
        recipes.dual_signal(LossDescent({"a": nn.Identity()}), "scale")
    with pytest.raises(ValueError, match="`signal` must be a Monitor or several, of which the last one steers; found none"):
        recipes.adaptive([])
    with pytest.raises(ValueError, match="share the name 'gap' but differ"):
        recipes.adaptive(Probe(3)) + recipes.adaptive(Smoothed(GradNorm()), "scale")


def test_the_losses_of_the_dual_signal_are_read_with_their_sign_whoever_made_them():
    given = LossDescent({"a": nn.Identity()}, window=4)
    assert [d.signed for d in recipes.dual_signal(given).measure if d.name == "loss_descent"] == [True]
    assert not given.signed
