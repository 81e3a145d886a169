"""Delay: what is applied at t is what was computed at t - tau, once, in order."""

import weakref

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import toy
from asgml import Recipe, recipes
from asgml.interventions import Delay, Skip
from asgml.policies import OneIn
from toy import THREE, TWO, identical

NAME = "encoders.audio.first.weight"


def delayed(tau, modalities=TWO, steps=9, **settings):
    return toy.train(modalities, Recipe(act=(Delay({"audio": tau}, **settings),)), steps=steps)


@pytest.mark.parametrize("modalities", [TWO, THREE])
@pytest.mark.parametrize("tau", [1, 2, 3])
def test_the_gradient_applied_is_exactly_tau_updates_old(tau, modalities):
    run = delayed(tau, modalities)
    raw, applied = [g[NAME] for g in run.raw], [g[NAME] for g in run.applied]
    assert applied[:tau] == [None] * tau
    assert all(torch.equal(applied[t], raw[t - tau]) for t in range(tau, 9))
    assert not any(torch.equal(raw[t], raw[t - tau]) for t in range(2 * tau, 9)), "and it is not the fresh one"
    assert run.balancer.tally["audio"] == {"updated": 9 - tau, "skipped": 0, "held": tau}


def test_while_it_fills_the_encoder_holds_still_under_adamw():
    run = toy.start(TWO, recipes.staleness("audio", tau=2))
    before = run.weights()
    toy.advance(run, toy.batches(TWO, 2))
    assert run.balancer.held == {"audio"}
    for name, weight in run.weights().items():
        assert torch.equal(weight, before[name]) == (name.startswith("encoders.audio") or name.endswith("unused")), name


def test_fresh_warm_up_applies_the_first_gradients_twice():
    run = delayed(2, warmup="fresh")
    raw, applied = [g[NAME] for g in run.raw], [g[NAME] for g in run.applied]
    assert all(torch.equal(applied[t], raw[t]) for t in (0, 1))
    assert all(torch.equal(applied[t], raw[t - 2]) for t in range(2, 9))


@pytest.mark.parametrize("warmup", ["hold", "fresh"])
def test_edits_after_adjust_do_not_reach_the_queue(warmup):
    run, kept = toy.start(TWO, Recipe(act=(Delay({"audio": 2}, warmup=warmup),))), []
    step = run.optimizer.step

    def clipped_step():
        kept.append(None if run.raw[-1][NAME] is None else run.raw[-1][NAME])
        torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1e-4)
        step()

    run.optimizer.step = clipped_step
    toy.advance(run, toy.batches(TWO, 8))
    assert all(torch.equal(run.applied[t][NAME], kept[t - 2]) for t in range(2, 8))


@pytest.mark.parametrize("set_to_none", [True, False])
def test_zero_grad_does_not_reach_the_queue(set_to_none):
    run = toy.start(TWO, recipes.staleness("audio", tau=2))
    zero = run.optimizer.zero_grad
    run.optimizer.zero_grad = lambda: zero(set_to_none=set_to_none)
    toy.advance(run, toy.batches(TWO, 8))
    assert identical(run.weights(), toy.train(TWO, recipes.staleness("audio", tau=2)).weights())


def test_a_skipped_step_neither_feeds_nor_drains():
    run = toy.train(TWO, Recipe(act=(Skip(OneIn(2, "audio")), Delay({"audio": 1}))))
    raw, applied = [g[NAME] for g in run.raw], [g[NAME] for g in run.applied]
    assert all(g is None for g in applied[1::2])
    assert applied[0] is None
    assert all(torch.equal(applied[t], raw[t - 2]) for t in (2, 4, 6))


def test_a_batch_without_the_modality_neither_feeds_nor_drains():
    run = toy.start(TWO, recipes.staleness("audio", tau=1))
    data = [
        (inputs if t % 2 == 0 else {"visual": inputs["visual"]}, labels)
        for t, (inputs, labels) in enumerate(toy.batches(TWO, 6))
    ]
    toy.advance(run, data)
    assert all(run.applied[t][NAME] is None for t in (0, 1, 3, 5))
    assert all(torch.equal(run.applied[t][NAME], run.raw[t - 2][NAME]) for t in (2, 4))
    assert run.balancer.tally["audio"] == {"updated": 2, "skipped": 0, "held": 1}


@settings(max_examples=40, deadline=None)
@given(taus=st.lists(st.integers(0, 4), min_size=1, max_size=14))
def test_whatever_tau_does_gradients_are_applied_in_order_and_at_most_once(taus):
    policy = lambda index, readings: {"audio": taus[index]}
    run = toy.train(TWO, Recipe(act=(Delay(policy),)), steps=len(taus))
    raw, last = [g[NAME] for g in run.raw], -1
    for t, tau in enumerate(taus):
        grad = run.applied[t][NAME]
        if grad is None:
            continue
        source = next(s for s in range(last + 1, t + 1) if torch.equal(raw[s], grad))
        assert t - source == tau, "what is applied is exactly tau old"
        last = source


@pytest.mark.parametrize("warmup", ["hold", "fresh"])
def test_growing_holds_and_shrinking_drops(warmup):
    taus = [1, 1, 1, 3, 3, 3, 1, 1]
    delay = Delay(lambda index, readings: {"audio": taus[index]}, warmup=warmup)
    run = toy.train(TWO, Recipe(act=(delay,)), steps=8)
    raw = [g[NAME] for g in run.raw]
    ages = [None if g[NAME] is None else next(t - s for s in range(t + 1) if torch.equal(raw[s], g[NAME]))
            for t, g in enumerate(run.applied)]  # fmt: skip
    assert ages == [{"hold": None, "fresh": 0}[warmup], 1, 1, None, None, 3, 1, 1], (
        "grows by 2: holds 2 updates; then drops what is older"
    )


def test_a_modality_that_its_policy_stops_naming_goes_back_to_fresh_gradients():
    policy = lambda index, readings: {"audio": 2} if index < 4 else {}
    run = toy.train(TWO, Recipe(act=(Delay(policy),)))
    assert all(torch.equal(run.applied[t][NAME], run.raw[t][NAME]) for t in range(4, 8))


@pytest.mark.parametrize("tau", [1, 2, 4])
def test_the_queue_owns_tau_gradients_and_copies_none(tau):
    run = toy.start(TWO, recipes.staleness("audio", tau))
    made = []
    note = lambda t, run: made.append(weakref.ref(run.model.encoders["audio"].first.weight.grad))
    toy.advance(run, toy.batches(TWO, 10), before_adjust=note)
    assert [ref() is not None for ref in made] == [False] * (10 - tau) + [True] * tau
    queue = run.balancer.state_dict()["parts"]["act.0.Delay"]["queues"]["audio"]
    assert len(queue) == tau
    assert queue[-1]["first.weight"] is made[-1](), "the very tensor that backward made"


def test_a_view_of_a_shared_buffer_is_copied():
    run = toy.start(TWO, recipes.staleness("audio", 1))
    weight = run.model.encoders["audio"].first.weight
    bucket = torch.zeros(weight.numel())

    def through_bucket(t, run):
        bucket.copy_(weight.grad.flatten())
        weight.grad = bucket.view_as(weight)

    toy.advance(run, toy.batches(TWO, 5), before_adjust=through_bucket)
    assert all(torch.equal(run.applied[t][NAME], run.raw[t - 1][NAME]) for t in range(1, 5))


def test_a_snapshot_loaded_is_not_changed_by_going_on():
    run = toy.start(TWO, recipes.staleness("audio", 2, damping=0.5))
    toy.advance(run, toy.batches(TWO, 4))
    state = toy.through_file(run.balancer.state_dict())
    copy = toy.through_file(state)
    run.balancer.load_state_dict(state)
    toy.advance(run, toy.batches(TWO, 4))
    assert identical(state, copy)


@pytest.mark.parametrize("tau", [-1, 1.5, "2", True, None])
def test_tau_is_a_whole_number_of_updates(tau):
    with pytest.raises(ValueError, match="`tau` is counted in updates and must be an integer of at least 0, found"):
        Delay({"audio": tau})
    with pytest.raises(ValueError, match="`tau` is counted in updates"):
        toy.train(TWO, Recipe(act=(Delay(lambda index, readings: {"audio": tau}),)), steps=1)


def test_other_settings_are_checked():
    with pytest.raises(ValueError, match="`warmup` must be 'hold' or 'fresh', found 'wait'"):
        Delay({"audio": 1}, warmup="wait")
    with pytest.raises(ValueError, match=r"`damping` must be at least 0, found -0\.1"):
        Delay({"audio": 1}, damping=-0.1)
    with pytest.raises(ValueError, match=r"decides for \['adio'\]; the modalities are \['audio', 'visual'\]"):
        toy.train(TWO, Recipe(act=(Delay(lambda index, readings: {"adio": 1}),)), steps=1)


def test_two_delays_become_one():
    joined = (recipes.staleness("audio", 1) + recipes.staleness("visual", 3)).act
    assert len(joined) == 1
    assert joined[0].policy(0, {}) == {"audio": 1, "visual": 3}
    with pytest.raises(ValueError, match="`warmup` and `damping` must be equal"):
        recipes.staleness("audio", 1) + recipes.staleness("visual", 3, damping=0.1)


def test_it_tells_how_old_the_gradients_were_and_leaves_out_who_was_held():
    ages = []
    for warmup in ("hold", "fresh"):
        run = toy.start(TWO, Recipe(act=(Delay({"audio": 2}, warmup),)))
        toy.advance(run, toy.batches(TWO, 4), before_adjust=lambda t, run: ages.append(run.balancer.act[0].applied()))
    assert ages == [{}, {}, {}, {"delay": {"audio": 2}}, {}, *[{"delay": {"audio": age}} for age in (0, 0, 2)]]


@pytest.fixture(params=["whole", "a layer", "whole, zeros stay", "detached"])
def frozen(request):
    """A run under a delay of 3 whose audio encoder, or its first layer, stops learning after 6 updates; and how to thaw it."""
    run = toy.start(TWO, recipes.staleness("audio", tau=3), optimizer="plain")
    toy.advance(run, toy.batches(TWO, 6))
    audio = run.model.encoders["audio"]
    part = audio.first if request.param == "a layer" else audio
    if "zeros" in request.param:
        zero = run.optimizer.zero_grad
        run.optimizer.zero_grad = lambda: zero(set_to_none=False)
        run.optimizer.zero_grad()
    if request.param == "detached":
        handle = audio.register_forward_hook(lambda module, args, output: output.detach())
        return run, part, handle.remove
    part.requires_grad_(False)
    return run, part, lambda: part.requires_grad_(True)


def test_what_is_frozen_in_mid_run_stands_still_and_what_waited_for_it_is_dropped(frozen):
    run, part, thaw = frozen
    before, tally = {n: p.clone() for n, p in part.named_parameters()}, dict(run.balancer.tally["audio"])
    toy.advance(run, toy.batches(TWO, 5))
    assert identical(before, {n: p.detach() for n, p in part.named_parameters()})
    if part is run.model.encoders["audio"]:
        assert run.balancer.tally["audio"] == tally, "an encoder that stands still gets no update"
    thaw()
    run.raw.clear(), run.applied.clear()
    toy.advance(run, toy.batches(TWO, 6))
    for t in range(3, 6):
        assert torch.equal(run.applied[t][NAME], run.raw[t - 3][NAME])


def test_a_thawed_encoder_fills_its_queue_anew():
    run = toy.start(TWO, Recipe(act=(Delay({"audio": 2}, "fresh"),)))
    toy.advance(run, toy.batches(TWO, 4))
    for part, learns in ((run.model.encoders["audio"], False), (run.model.encoders["audio"], True)):
        part.requires_grad_(learns)
        run.raw.clear(), run.applied.clear()
        toy.advance(run, toy.batches(TWO, 4))
    raw, applied = [g[NAME] for g in run.raw], [g[NAME] for g in run.applied]
    assert all(torch.equal(applied[t], raw[source]) for t, source in enumerate((0, 1, 0, 1)))
