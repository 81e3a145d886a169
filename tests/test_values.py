"""Golden values from outside: the published definitions, worked out by formula or by torch's own optimizers."""

import pytest
import torch
from torch import nn

from asgml import Balancer, Recipe
from asgml.diagnostics import Probe
from asgml.interventions import Delay, Skip
from asgml.policies import Constant, EveryK, OneIn

T, F = True, False


@pytest.mark.parametrize(
    ("policy", "updates"),
    [
        (OneIn(2, "a"), [T, F, T, F, T, F, T, F, T, F, T, F]),  # the document's definition: one of every k is skipped
        (OneIn(3, "a"), [T, T, F, T, T, F, T, T, F, T, T, F]),
        (OneIn(4, "a"), [T, T, T, F, T, T, T, F, T, T, T, F]),
        (EveryK(3, "a"), [T, F, F, T, F, F, T, F, F, T, F, F]),  # the research code's: one of every k is updated
    ],
)
def test_frequency_masks(policy, updates):
    assert [not policy(t, {})["a"] for t in range(12)] == updates


@pytest.mark.parametrize("k", [2, 3, 4, 5])
def test_frequency_fractions(k):
    steps = range(60)
    assert sum(OneIn(k, "a")(t, {})["a"] for t in steps) / 60 == pytest.approx(1 / k)
    assert sum(EveryK(k, "a")(t, {})["a"] for t in steps) / 60 == pytest.approx(1 - 1 / k)


class Point(nn.Module):
    """One parameter theta, from 1."""

    def __init__(self):
        super().__init__()
        self.theta = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.theta * x


def descend(act, steps, loss, **sgd):
    point = Point()
    optimizer = torch.optim.SGD(point.parameters(), lr=0.1, **sgd)
    balancer = Balancer({"a": point}, Recipe(act=(act,)))
    path = [1.0]
    for _ in range(steps):
        loss(point(torch.ones(1))).sum().backward()
        balancer.adjust()
        optimizer.step()
        optimizer.zero_grad()
        path.append(point.theta.item())
    return path


def half_square(theta):
    return theta.square() / 2


def test_staleness_on_a_quadratic():
    fresh = descend(Delay({"a": 2}, warmup="fresh", damping=0.1), 6, half_square)
    assert fresh == pytest.approx([1.0, 0.9, 0.81, 0.7266667, 0.6516667, 0.5841667, 0.5236111], abs=1e-6)
    held = descend(Delay({"a": 2}), 5, half_square)
    assert held == pytest.approx([1.0, 1.0, 1.0, 0.9, 0.8, 0.7], abs=1e-6), "three gradients of theta = 1 were in the queue"


@pytest.mark.parametrize(("tau", "factor"), [(0, 1.0), (1, 0.9090909), (2, 0.8333333), (4, 0.7142857), (8, 0.5555556)])
def test_staleness_damping(tau, factor):
    path = descend(Delay({"a": tau}, damping=0.1), tau + 1, half_square)
    assert path[-2] - path[-1] == pytest.approx(0.1 * factor, abs=1e-6)


def test_skipping_is_not_zeroing():
    """Gradients 1, 1, then skipped: the parameter rests, while a zeroed gradient moves it on to 0.534 and 0.377."""
    when = lambda index, readings: {"a": index >= 2}
    head = torch.ones((), requires_grad=True)  # what is left to learn while the only encoder is skipped
    path = descend(Skip(when, at_most=None), 4, lambda theta: theta * head, momentum=0.9, weight_decay=0.01)
    assert path[1:] == pytest.approx([0.899, 0.707201, 0.707201, 0.707201], abs=1e-6)


def test_the_probes_average_has_no_start_up_bias():
    """True accuracies 0.6 and 0.3: their gap reads 0.30 from the first batch on (uncorrected, it would read 0.03)."""
    right = {"a": 6, "v": 3}
    probe = Probe(classes=2)
    probe.counts = lambda modality, logits, targets: {"accuracy": torch.tensor(float(right[modality]))}  # of ten rows
    encoders = {m: nn.Linear(1, 2) for m in right}
    balancer = Balancer(encoders, measure=[probe])
    for _ in range(12):
        sum(encoder(torch.ones(10, 1)).sum() for encoder in encoders.values()).backward()
        reading = balancer.adjust(torch.zeros(10, dtype=torch.long))["probe"]
        assert reading["a"] - reading["v"] == pytest.approx(0.3, abs=1e-6)


def test_the_guard_is_off_for_schedules_and_on_for_what_may_read():
    assert Skip(Constant({"a": True})).limit is None
    assert Skip(lambda index, readings: {"a": True}).limit == 8
    assert Skip(Constant({"a": True}), at_most=3).limit == 3
    assert Skip(lambda index, readings: {"a": True}, at_most=None).limit is None
