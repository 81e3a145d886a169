"""Scale: exactly the factor, this step's readings, whoever it names."""

import pytest
import torch

import toy
from asgml import Balancer, Recipe
from asgml.interventions import Scale, Skip
from asgml.monitors import GradNorm
from asgml.policies import Between, Constant
from toy import TWO, identical

NAME = "encoders.audio.first.weight"


@pytest.mark.parametrize("factor", [0, 0.25, 1, 3.5])
def test_gradients_are_multiplied(factor):
    run = toy.train(TWO, Recipe(act=(Scale({"audio": factor}),)), steps=3)
    for raw, applied in zip(run.raw, run.applied, strict=True):
        for name in raw:
            if raw[name] is not None:
                expected = raw[name] * factor if name.startswith("encoders.audio") else raw[name]
                assert torch.equal(applied[name], expected)


def test_it_reads_this_steps_readings():
    """Scaling by one over the norm that this very step measured gives a gradient of norm 1."""
    unit = lambda index, readings: {"audio": 1 / readings["grad_norm"]["audio"]}
    run = toy.train(TWO, Recipe((GradNorm(),), (Scale(unit),)), steps=4)
    for applied in run.applied:
        parts = [g.flatten() for n, g in applied.items() if n.startswith("encoders.audio") and g is not None]
        assert torch.cat(parts).norm().item() == pytest.approx(1, rel=1e-5)


def test_a_constant_factor_cancels_under_adam_and_not_under_sgd():
    """Golden values from torch's own optimizers: gradients 1, 0.5, -0.2, 0.8 at a rate of 0.01, scaled by 0.1."""
    for kind, scaled in (
        (torch.optim.Adam, [0.99, 0.9806782, 0.9747111, 0.9673673]),
        (torch.optim.SGD, [0.999, 0.9985, 0.9987, 0.9979]),
    ):
        theta = torch.nn.Parameter(torch.ones(()))
        optimizer, path = kind([theta], lr=0.01), []
        part = Scale({"a": 0.1})
        for gradient in (1.0, 0.5, -0.2, 0.8):
            theta.grad = torch.tensor(gradient)
            part.adjust(toy_step(theta))
            optimizer.step()
            path.append(theta.item())
        assert path == pytest.approx(scaled, abs=1e-4)


def toy_step(theta):
    from asgml import Step

    return Step(0, {"a": {"theta": theta}}, {}, None, frozenset({"a"}), frozenset(), {}, {})


def test_a_factor_of_one_changes_no_bit_and_the_mean_is_told():
    factors = [1, 0.5, 0, 1]
    run = toy.train(TWO, Recipe(act=(Scale(lambda index, readings: {"audio": factors[index]}),)), steps=4)
    assert identical(run.applied[0], run.raw[0])
    assert "gradients scaled by 0.625 on average" in run.balancer.summary().splitlines()[0]


def test_the_not_yet_measured_is_left_alone():
    late = lambda index, readings: {"audio": 0.0 if index == 0 and readings["grad_norm"] else 1.0}
    run = toy.train(TWO, Recipe((GradNorm(),), (Scale(late),)), steps=1)
    assert not run.applied[0][NAME].any(), "this step's own reading is there at step 0"


@pytest.mark.parametrize("factor", [-0.1, float("nan"), float("inf"), "2", True, None])
def test_factors_are_finite_and_not_negative(factor):
    with pytest.raises(ValueError, match="a scale must be a finite number of at least 0, found"):
        Scale({"audio": factor})
    with pytest.raises(ValueError, match="a scale must be a finite number of at least 0, found"):
        toy.train(TWO, Recipe(act=(Scale(lambda index, readings: {"audio": factor}),)), steps=1)
    assert Scale({"audio": 2}) == Scale(Constant({"audio": 2}))


class Mixed(torch.nn.Module):
    """A convolution with its normalisation, and a linear layer."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.last = torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Linear(2, 2)
        self.line = torch.nn.Conv1d(2, 2, 1)

    def forward(self, x):
        return self.last(self.line(self.norm(self.conv(x)).mean(-1)).mean(-1))


SCOPES = {
    "all": {"conv.weight", "conv.bias", "norm.weight", "norm.bias", "last.weight", "last.bias", "line.weight", "line.bias"},
    "weights": {"conv.weight", "last.weight", "line.weight"},
    "conv": {"conv.weight"},
}


@pytest.mark.parametrize("scope", SCOPES)
def test_the_scope_says_which_gradients(scope):
    torch.manual_seed(0)
    net = Mixed()
    balancer = Balancer({"a": net}, act=[Scale({"a": 0.5}, scope)])
    net(torch.randn(4, 1, 5, 5)).square().sum().backward()
    before = {n: p.grad.clone() for n, p in net.named_parameters()}
    balancer.adjust()
    for name, p in net.named_parameters():
        assert torch.equal(p.grad, before[name] * (0.5 if name in SCOPES[scope] else 1)), name
    assert {n for n, g in before.items() if g.any()} >= {"conv.weight", "norm.bias", "last.weight"}


def test_an_unknown_scope_is_refused():
    with pytest.raises(ValueError, match="`scope` must be one of 'all', 'weights', 'conv', found 'linear'"):
        Scale({"audio": 0.5}, "linear")


def test_inertia_moves_the_factor_towards_its_target():
    """Golden values of ASGML's research code: a target of 1.5, of which 0.3 a time are taken."""
    run = toy.train(TWO, Recipe(act=(Scale({"audio": 1.5}, inertia=0.7),)), steps=4)
    found = [(a[NAME] / r[NAME]).mean().item() for a, r in zip(run.applied, run.raw, strict=True)]
    assert found == pytest.approx([1.15, 1.255, 1.3285, 1.37995], abs=1e-5)


def test_inertia_goes_on_while_the_encoder_is_skipped_and_rests_without_a_factor():
    targets = [1.5, {}, 1.5]
    by = lambda index, readings: {"audio": targets[index]} if targets[index] else {}
    skip = Skip(lambda index, readings: {"audio": index == 0})
    run = toy.train(TWO, Recipe(act=(skip, Scale(by, inertia=0.5))), steps=3)
    assert run.applied[0][NAME] is None
    assert torch.equal(run.applied[1][NAME], run.raw[1][NAME]), "no factor, no change"
    assert (run.applied[2][NAME] / run.raw[2][NAME]).mean().item() == pytest.approx(1.375), "1, 1.25, 1.25, 1.375"


@pytest.mark.parametrize("inertia", [0.1, 0.3, 0.7, 0.9])
def test_inertia_changes_no_bit_of_a_factor_of_one(inertia):
    neutral = toy.train(TWO, Recipe(act=(Scale({"audio": 1.0}, inertia=inertia),)))
    assert identical(neutral.weights(), toy.train(TWO, bare=True).weights())


@pytest.mark.parametrize("inertia", [-0.1, 1, 1.0, float("nan"), True, None, "0.5"])
def test_inertia_is_a_share_below_one(inertia):
    with pytest.raises(ValueError, match="`inertia` must be at least 0 and below 1, found"):
        Scale({"audio": 0.5}, inertia=inertia)


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_in_training_a_constant_factor_cancels_under_adam_alone(kind):
    scaled = toy.train(TWO, Recipe(act=(Scale({"audio": 0.5}),)), optimizer=kind).weights()[NAME]
    plain, start = toy.train(TWO, bare=True, optimizer=kind).weights()[NAME], toy.start(TWO, None).weights()[NAME]
    moved = (scaled - plain).norm() / (plain - start).norm()
    assert moved < 1e-3 if kind == "adamw" else moved > 0.1


def test_it_tells_the_factor_of_the_update_it_adjusted_last():
    run = toy.start(TWO, Recipe(act=(Scale(Between(Constant({"audio": 0.5}), 1, 2)),)))
    seen = []
    toy.advance(run, toy.batches(TWO, 4), before_adjust=lambda t, run: seen.append(run.balancer.act[0].applied()))
    assert seen == [{}, {}, {"scale": {"audio": 0.5}}, {}]
