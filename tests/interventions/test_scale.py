"""Scale: exactly the factor, this step's readings, whoever it names."""

import pytest
import torch

import toy
from asgml import Recipe
from asgml.diagnostics import GradNorm
from asgml.interventions import Scale
from asgml.policies import Constant
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
