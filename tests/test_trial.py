"""Optimizers that cancel a factor on gradients are known by what they do, and trying them leaves no trace."""

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook

import toy
from asgml import Balancer
from asgml._trial import cancels
from asgml.interventions import Scale
from toy import TWO, identical


class Simple(Optimizer):
    """A rule of one's own: `rule` makes a step of a gradient."""

    def __init__(self, params, lr=0.1, weight_decay=0.0, momentum=0.5):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in [p for p in group["params"] if p.grad is not None]:
                state = self.state[p]
                state["m"] = group["momentum"] * state.get("m", torch.zeros_like(p)) + p.grad
                p.add_(self.rule(p, state["m"]) + group["weight_decay"] * p, alpha=-group["lr"])

    def rule(self, p, m):
        return m


class Evolved(Simple):
    """Lion's rule: the sign of the momentum."""

    def rule(self, p, m):
        return m.sign()


class Normed(Simple):
    def rule(self, p, m):
        return m / (m.norm() + 1e-8)


class Trusting(Simple):
    """The rule of LARS: as long as the weight."""

    def rule(self, p, m):
        return m * p.norm() / (m.norm() + 1e-8)


class Orthogonal(Simple):
    def rule(self, p, m):
        u, _, v = torch.linalg.svd(m if m.ndim == 2 else m.reshape(1, -1), full_matrices=False)
        return (u @ v).reshape(m.shape)


class Chosen(Simple):
    """Signs or not, by a setting that stands in no group."""

    def __init__(self, params, sign, lr=0.1):
        super().__init__(params, lr)
        self.sign = sign

    def rule(self, p, m):
        return m.sign() if self.sign else m


class Loose(Evolved):
    def __init__(self, params, **settings):
        super().__init__(params, **settings)


class Around(Optimizer):
    """Holds the one that steps, as SAM does."""

    def __init__(self, params, base, **settings):
        super().__init__(params, {})
        self.base_optimizer = base(self.param_groups, **settings)

    def step(self, closure=None):
        self.base_optimizer.step()


class OnGpu(Simple):
    def __init__(self, params, lr=0.1):
        super().__init__(params, lr)
        if next(iter(self.param_groups[0]["params"])).shape == (4, 4):
            raise RuntimeError("CUDA only")


class FusedLion(OnGpu):
    pass


CANCEL = {
    "sign": lambda p: Evolved(p, 0.01, weight_decay=0.1),
    "norm": Normed,
    "trust": Trusting,
    "orthogonal": Orthogonal,
    "by its setting": lambda p: Chosen(p, True),
    "loose": lambda p: Loose(p, lr=0.1, momentum=0.0),
    "around": lambda p: Around(p, Evolved),
    "around Adam": lambda p: Around(p, torch.optim.Adam, lr=0.1),
    "by name": FusedLion,
    "from 0": lambda p: Evolved(p, lr=0.0),
    "tensor rate": lambda p: Evolved(p, lr=torch.tensor(0.1)),
    "in one group": lambda p: Evolved([{"params": list(p)[:2]}, {"params": [], "lr": 0.3}]),
}
NOT = {
    "plain": lambda p: Simple(p, 1e-6, weight_decay=0.5),
    "by its setting": lambda p: Chosen(p, False),
    "around": lambda p: Around(p, torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True),
    "unknown": OnGpu,
    "momentum": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, dampening=0.5, weight_decay=0.1, foreach=True),
    "averaged": lambda p: torch.optim.ASGD(p, 0.1),
}


def said_of(make):
    model = toy.Toy(TWO)
    optimizer = make(model.parameters())
    state, groups = copy.deepcopy(optimizer.state_dict()), copy.deepcopy(model.state_dict())
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        Balancer(dict(model.encoders.items()), act=[Scale({"audio": 0.5})], optimizer=optimizer)
    assert identical(dict(model.state_dict()), dict(groups))
    assert str(optimizer.state_dict()) == str(state)
    return [str(w.message) for w in said]


@pytest.mark.parametrize("case", CANCEL)
def test_what_cancels_is_warned_of(case):
    (words,) = said_of(CANCEL[case])
    assert "a constant factor cancels" in words
    assert "makes the same steps without it" in words or case == "around Adam"


@pytest.mark.parametrize("case", NOT)
def test_what_does_not_is_not(case):
    assert said_of(NOT[case]) == []


def test_trying_draws_no_number_and_calls_no_hook():
    calls, weight = [], nn.Parameter(torch.ones(3))
    optimizer = Evolved([weight])
    optimizer.register_step_pre_hook(lambda *args: calls.append("own"))
    handle = register_optimizer_step_post_hook(lambda *args: calls.append("all"))
    before = torch.get_rng_state()
    assert cancels(optimizer)
    handle.remove()
    assert calls == []
    assert torch.equal(torch.get_rng_state(), before)
    assert not optimizer.state


@pytest.mark.parametrize("name", ["Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop"])
def test_torchs_own_are_found_by_the_trial_too(name):
    assert cancels(getattr(torch.optim, name)([nn.Parameter(torch.ones(3))], lr=0.1))
