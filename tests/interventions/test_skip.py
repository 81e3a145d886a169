"""Skip: no update, no decay, no momentum, no backward; whom to skip is known one step ahead."""

import pytest
import torch

import toy
from asgml import Balancer, Recipe, recipes
from asgml.interventions import Skip
from asgml.monitors import GradNorm, Monitor
from asgml.policies import Constant, EveryK, OneIn, Together
from toy import THREE, TWO, identical


@pytest.mark.parametrize("modalities", [TWO, THREE])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_skipped_encoder_rests_and_all_else_learns(modalities, optimizer):
    run = toy.start(modalities, recipes.frequency("visual", k=2), optimizer=optimizer)
    for t, batch in enumerate(toy.batches(modalities, 6)):
        before, state = run.weights(), {}
        if t:
            state = {n: dict(run.optimizer.state[p]) for n, p in run.model.named_parameters() if p in run.optimizer.state}
            state = {n: {k: v.clone() for k, v in s.items()} for n, s in state.items()}
        toy.advance(run, [batch])
        after = run.weights()
        for name in before:
            rests = name.endswith("unused") or (name.startswith("encoders.visual") and t % 2 == 1)
            assert torch.equal(before[name], after[name]) == rests, (t, name)
            if rests and name in state:
                parameter = run.model.get_parameter(name)
                assert identical(state[name], dict(run.optimizer.state[parameter])), "no moment of the optimizer moves"


def test_no_backward_runs_behind_the_cut():
    run, calls = toy.start(TWO, recipes.frequency("visual", k=2)), []
    run.model.encoders["visual"].last.register_full_backward_hook(lambda *_: calls.append(run.balancer.index))
    toy.advance(run, toy.batches(TWO, 6))
    assert calls == [0, 2, 4]


@pytest.mark.parametrize("set_to_none", [True, False])
def test_zeros_left_by_zero_grad_are_no_update(set_to_none):
    run = toy.start(TWO, recipes.frequency("visual", k=2))
    zero = run.optimizer.zero_grad
    run.optimizer.zero_grad = lambda: zero(set_to_none=set_to_none)
    toy.advance(run, toy.batches(TWO, 6))
    whole = toy.train(TWO, recipes.frequency("visual", k=2), steps=6)
    assert identical(run.weights(), whole.weights())


def test_skipped_and_skipping_name_this_step_and_the_next():
    run = toy.start(TWO, recipes.frequency("audio", k=2))
    assert run.balancer.skipping == run.balancer.skipped == frozenset()
    seen = []
    for batch in toy.batches(TWO, 4):
        toy.advance(run, [batch])
        seen.append((run.balancer.skipped, run.balancer.skipping))
    audio, nobody = frozenset({"audio"}), frozenset()
    assert seen == [(nobody, audio), (audio, nobody)] * 2
    assert run.balancer.tally == {
        "audio": {"updated": 2, "skipped": 2, "held": 0},
        "visual": {"updated": 4, "skipped": 0, "held": 0},
    }


def test_a_schedule_holds_from_step_0():
    assert toy.start(TWO, Recipe(act=(Skip(Constant({"audio": True})),))).balancer.skipping == {"audio"}
    assert toy.start(TWO, Recipe(act=(Skip(OneIn(2, "audio", phase=1)),))).balancer.skipping == {"audio"}


@pytest.mark.parametrize("k", [2, 3, 4])
@pytest.mark.parametrize("phase", [0, 1, 2, 5])
def test_phase_shifts_the_mask(k, phase):
    for rule in (OneIn, EveryK):
        plain, shifted = rule(k, "audio"), rule(k, "audio", phase)
        assert all(shifted(t, {}) == plain(t + phase, {}) for t in range(3 * k))


class Larger:
    """Skips whoever has the larger gradient, by the readings of the step before."""

    reads = frozenset({"grad_norm"})
    modalities = frozenset(TWO)

    def __call__(self, index, readings):
        norms = readings["grad_norm"]
        return {m: n == max(norms.values()) for m, n in norms.items()}


def test_a_policy_that_reads_skips_nobody_at_step_0_and_sees_the_step_before():
    run = toy.start(TWO, Recipe((GradNorm(),), (Skip(Larger(), at_most=1),)))
    assert run.balancer.skipping == frozenset()
    toy.advance(run, toy.batches(TWO, 1))
    norms = run.balancer.readings["grad_norm"]
    assert run.balancer.skipping == {max(norms, key=norms.get)}


def test_a_bare_function_that_reads_waits_for_the_first_reading_too():
    decide = lambda index, readings: {"audio": readings["grad_norm"]["audio"] > 0}
    run = toy.start(TWO, Recipe((GradNorm(),), (Skip(decide),)))
    assert run.balancer.skipping == frozenset()
    assert toy.advance(run, toy.batches(TWO, 1)).balancer.skipping == {"audio"}


def test_the_starvation_guard_forces_one_update_and_counts_it():
    skip = Skip(Constant({"audio": True}), at_most=2)
    run = toy.start(TWO, None)
    run.balancer.remove()
    run.balancer = Balancer(dict(run.model.encoders.items()), act=[skip])
    seen = []
    for batch in toy.batches(TWO, 7):
        toy.advance(run, [batch])
        seen.append("audio" in run.balancer.skipped)
    assert seen == [True, True, False, True, True, False, True]
    assert skip.forced == {"audio": 2}


def test_the_guard_does_not_count_batches_without_the_modality():
    skip = Skip(Constant({"audio": True}), at_most=2)
    run = toy.start(TWO, None)
    run.balancer.remove()
    run.balancer = Balancer(dict(run.model.encoders.items()), act=[skip])
    seen = []
    for n, (inputs, labels) in enumerate(toy.batches(TWO, 6)):
        toy.advance(run, [(inputs if n % 2 == 0 else {"visual": inputs["visual"]}, labels)])
        seen.append("audio" in run.balancer.skipped)
    assert seen == [True, False, True, False, False, False], "skipped twice in a row, then forced, in the three that use it"
    assert run.balancer.tally["audio"] == {"updated": 1, "skipped": 2, "held": 0}


class Noisy(Monitor):
    """Measures how large the features are, skipped modalities included."""

    name = "size"

    def measure(self, step):
        return {m: f.abs().mean() for m, f in step.features.items()}


def test_features_of_the_skipped_are_seen_their_gradients_are_not():
    run = toy.start(TWO, Recipe((Noisy(), GradNorm()), (Skip(Constant({"audio": True})),)))
    inputs, labels = toy.batches(TWO, 1)[0]
    toy.advance(run, [(inputs, labels)])
    assert set(run.balancer.readings["size"]) == {"audio", "visual"}
    assert set(run.balancer.readings["grad_norm"]) == {"visual"}


def test_what_is_skipped_must_exist():
    with pytest.raises(ValueError, match=r"skips \['adio'\]; the modalities are \['audio', 'visual'\]"):
        toy.start(TWO, Recipe(act=(Skip(lambda index, readings: {"adio": True}),)))


@pytest.mark.parametrize("at_most", [0, -1, 1.5, "never"])
def test_the_guard_is_at_least_one(at_most):
    with pytest.raises(ValueError, match="`at_most` must be at least 1 skip, None or 'auto', found"):
        Skip(Constant({"audio": True}), at_most)


def test_two_skips_become_one():
    joined = Skip(OneIn(2, "audio")).joined(Skip(OneIn(3, "visual")))
    assert joined == Skip(Together((OneIn(2, "audio"), OneIn(3, "visual"))))
    with pytest.raises(ValueError, match="their `at_most` must be equal"):
        Skip(OneIn(2, "audio")).joined(Skip(OneIn(3, "visual"), at_most=4))
    with pytest.raises(ValueError, match=r"\['audio'\] would be decided by two policies"):
        Skip(OneIn(2, "audio")).joined(Skip(OneIn(3, "audio")))
    with pytest.raises(ValueError, match="does not declare its `modalities`"):
        Skip(OneIn(2, "audio")).joined(Skip(lambda index, readings: {}))
