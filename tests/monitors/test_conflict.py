"""Conflict: the cosine of two gradients, and an encoder that cannot tell that it was asked."""

import pytest
import torch
from torch import nn

import toy
from asgml import Balancer, Recipe
from asgml.interventions import Scale, Skip
from asgml.monitors import Conflict, ConflictShare
from asgml.monitors._conflict import cosine
from asgml.policies import Constant
from steps import step_of, told


def pulled(total, alone):
    """A step of one encoder, a vector of two, whose gradients are these."""
    encoder = nn.Module()
    encoder.theta = nn.Parameter(torch.zeros(2))
    encoder.theta.grad = torch.tensor(total)
    return step_of(encoders={"a": encoder}), {"a": lambda: (encoder.theta * torch.tensor(alone)).sum()}


def test_the_published_cosine():
    step, losses = pulled([1.0, 0.0], [-0.5, 1.0])
    assert Conflict(losses).measure(step)["a"].item() == pytest.approx(-0.4472136, abs=1e-6)


@pytest.mark.parametrize("total", [[0.0, 0.0], [1e-30, 0.0], [1e30, 0.0]])
@pytest.mark.parametrize("alone", [[0.0, 0.0], [1e-30, 0.0], [-1e30, 0.0]])
def test_zeros_give_zero_and_no_size_is_too_small_or_large(total, alone):
    step, losses = pulled(total, alone)
    expected = (total[0] > 0) * ((alone[0] > 0) - (alone[0] < 0))
    assert Conflict(losses).measure(step)["a"].item() == pytest.approx(expected)


def test_parameters_that_one_of_the_losses_does_not_reach_count_as_zeros():
    a, b = torch.tensor([3.0]), torch.tensor([4.0])
    assert cosine([a, b], [a, None]).item() == pytest.approx(3 / 5)
    assert cosine([a, None], [None, b]).item() == 0


class Noisy(nn.Module):
    """An encoder with statistics to disturb, a generator to draw from, and a layer whose mode is its own."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
        self.frozen = nn.BatchNorm1d(2).eval()

    def forward(self, x):
        return self.frozen(self.layers(x))


@pytest.mark.parametrize("kind", [Conflict, ConflictShare])
def test_training_goes_on_as_if_nothing_had_run(kind):
    def train(measured):
        torch.manual_seed(0)
        encoder = Noisy()
        x = torch.randn(8, 3)
        loss = lambda: encoder(x).square().sum()
        measure = [kind({"a": loss})] if measured else []
        balancer = Balancer({"a": encoder}, measure=measure, act=[Scale({"a": 0.5})])
        optimizer = torch.optim.SGD(encoder.parameters(), lr=0.1)
        for _ in range(3):
            loss().backward()
            grads = [p.grad.clone() for p in encoder.parameters()]
            balancer.adjust()
            assert all(torch.equal(p.grad, g / 2) for p, g in zip(encoder.parameters(), grads, strict=True))
            optimizer.step()
            optimizer.zero_grad()
        assert [m.training for m in (encoder, encoder.layers[1], encoder.frozen)] == [True, True, False]
        return dict(encoder.state_dict()), torch.get_rng_state()

    assert toy.identical(train(True), train(False)), "weights, BatchNorm statistics, random numbers"


def test_the_gradient_is_that_of_train_mode():
    encoder = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    x = torch.randn(8, 3)
    balancer = Balancer({"a": encoder}, measure=[Conflict({"a": lambda: encoder(x).square().sum()})])
    encoder(x).square().sum().backward()
    assert balancer.adjust()["conflict"]["a"] == pytest.approx(1, abs=1e-5)


def test_the_skipped_are_left_out():
    run = toy.start(
        toy.TWO,
        lambda model: Recipe(
            (Conflict({m: lambda m=m: model.encoders[m](model.batch[0][m]).sum() for m in toy.TWO}),),
            (Skip(Constant({"audio": True})),),
        ),
    )
    toy.advance(run, toy.batches(toy.TWO, 2))
    assert set(run.balancer.readings["conflict"]) == {"visual"}


def test_the_share_is_an_average_without_start_up_bias():
    against, along = pulled([1.0, 0.0], [-1.0, 0.0]), pulled([1.0, 0.0], [1.0, 0.0])
    losses = {}
    share = ConflictShare({"a": lambda: losses["now"]()}, decay=0.5)
    readings = []
    for step, of in (against, along, along):
        losses["now"] = of["a"]
        readings += told(share, [step])
    assert [r["a"] for r in readings] == pytest.approx([1, 0.25 / 0.75, 0.125 / 0.875])


def test_a_loss_is_run_once_per_update():
    step, losses = pulled([1.0, 0.0], [1.0, 0.0])
    calls = []
    share = ConflictShare({"a": lambda: (calls.append(1), losses["a"]())[1]})
    told(share, [step])
    assert len(calls) == 1


def test_misuse():
    step, losses = pulled([1.0, 0.0], [1.0, 0.0])
    with pytest.raises(TypeError, match="`losses` must be a mapping modality -> function"):
        Conflict({})
    with pytest.raises(ValueError, match=r"'conflict' has losses for \['b'\]; the modalities are \['a'\]"):
        Conflict({"b": losses["a"]}).measure(step)
    with pytest.raises(ValueError, match=r"the loss of 'a' must be a 0-dim tensor with a graph, found shape \(2,\)"):
        Conflict({"a": lambda: torch.ones(2)}).measure(step)
    with pytest.raises(ValueError, match="has no graph through its encoder: run the encoder in it"):
        Conflict({"a": lambda: torch.ones((), requires_grad=True) * 2}).measure(step)
    with pytest.raises(ValueError, match="`decay` must lie in"):
        ConflictShare(losses, decay=1.0)
