"""Encoders that are frozen while they train: no part counts, reads or edits what they no longer learn."""

import pytest
import torch
from torch import nn

import toy
from asgml import Balancer, Recipe, recipes
from asgml.interventions import Noise, OgmGe, Scale
from asgml.monitors import GradNorm
from asgml.policies import Constant
from toy import TWO, identical

PARTS = {"scale": Scale({"audio": 0.5}), "noise": Noise({"audio": 1.0}), "ogm_ge": OgmGe(Constant({"audio": 0.5}))}


def frozen(recipe, part="", zeros=True):
    """A run of 3 updates whose audio encoder, or a part of it, is then frozen while its gradients lie there."""
    run = toy.start(TWO, recipe, optimizer="plain")
    toy.advance(run, toy.batches(TWO, 3))
    zero = run.optimizer.zero_grad
    run.optimizer.zero_grad = lambda: zero(set_to_none=False) if zeros else None
    toy.advance(run, toy.batches(TWO, 1))
    run.model.encoders["audio"].get_submodule(part).requires_grad_(False)
    return run


@pytest.mark.parametrize("part", ["", "first"])
@pytest.mark.parametrize("act", PARTS)
def test_gradients_of_zero_on_frozen_weights_are_left_alone(act, part):
    run = frozen(Recipe(act=(PARTS[act],)), part)
    before = {n: p.clone() for n, p in run.model.encoders["audio"].get_submodule(part).named_parameters()}
    toy.advance(run, toy.batches(TWO, 3))
    after = {n: p.detach() for n, p in run.model.encoders["audio"].get_submodule(part).named_parameters()}
    assert identical(before, after)


def test_a_gradient_that_nobody_takes_away_is_not_read():
    run = frozen(Recipe((GradNorm(),)), "first", zeros=False)
    run.model.encoders["audio"].last.zero_grad()
    toy.advance(run, toy.batches(TWO, 1))
    last = [p.grad for p in run.model.encoders["audio"].last.parameters()]
    norm = torch.stack([g.norm() for g in last]).norm()
    assert run.balancer.readings["grad_norm"]["audio"] == pytest.approx(norm.item())


@pytest.mark.parametrize("recipe", [recipes.frequency("audio", k=2), recipes.staleness("audio", tau=1)])
def test_a_frozen_encoder_gets_no_update_in_the_tally(recipe):
    run = frozen(recipe)
    before = dict(run.balancer.tally["audio"])
    toy.advance(run, toy.batches(TWO, 4))
    assert run.balancer.tally["audio"] == before
    run.model.encoders["audio"].requires_grad_(True)
    toy.advance(run, toy.batches(TWO, 4))
    assert sum(run.balancer.tally["audio"].values()) == sum(before.values()) + 4


def test_gradients_put_on_weights_that_were_never_to_learn_are_refused_with_words():
    audio = nn.Linear(4, 2).requires_grad_(False)
    balancer = Balancer({"audio": audio}, measure=[GradNorm()])
    audio(torch.ones(3, 4, requires_grad=True)).sum().backward()
    audio.weight.grad = torch.ones_like(audio.weight)
    with pytest.raises(RuntimeError, match="leave `requires_grad=True`"):
        balancer.adjust()
