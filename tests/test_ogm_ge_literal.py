"""OGM and OGM-GE against their formulas written out in plain loops over samples, modalities and parameters.

For every batch s_m is the sum over samples of the softmax probability of the true class, in the logits h_m W_m' + b / M; rho_m
the mean over the other modalities of s_m / s_j; k_m = 1 - tanh(alpha rho_m) where rho_m > 1, else 1. Every gradient in scope
becomes k_m g, for OGM-GE plus normal noise of g's unbiased standard deviation + 1e-8. The normal numbers are those of the
generators that the part itself starts from, one per modality.
"""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from asgml import Balancer, recipes
from asgml.interventions import Delay, OgmGe, Scale
from asgml.interventions._normal import derived
from asgml.monitors import Probe, Score

CLASSES, ROWS, UPDATES, SEED = 4, 8, 25, 3
WIDTHS = {"audio": 6, "visual": 5, "text": 4}
TWO, THREE = ("audio", "visual"), ("audio", "visual", "text")


class Block(nn.Module):
    """Two convolutions with normalisation, and the way around them."""

    def __init__(self, channels):
        super().__init__()
        self.first, self.last = (nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(2))
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)

    def forward(self, x):
        return torch.relu(x + self.bn2(self.last(torch.relu(self.bn1(self.first(x))))))


class Net(nn.Module):
    """One encoder per modality, and a linear head on their features side by side."""

    def __init__(self, modalities, kind):
        super().__init__()
        torch.manual_seed(7)
        make = {"conv": self.conv, "mlp": self.mlp}[kind]
        self.encoders = nn.ModuleDict({m: make(WIDTHS[m]) for m in modalities})
        self.head = nn.Linear(sum(WIDTHS[m] for m in modalities), CLASSES)

    @staticmethod
    def conv(width):
        stem = [nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        return nn.Sequential(*stem, Block(width), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    @staticmethod
    def mlp(width):
        return nn.Sequential(nn.Flatten(), nn.Linear(36, 16), nn.LayerNorm(16), nn.ReLU(), nn.Linear(16, width), nn.ReLU())

    def features(self, inputs):
        return {m: encoder(inputs[m]) for m, encoder in self.encoders.items()}

    def forward(self, inputs):
        return self.head(torch.cat([*self.features(inputs).values()], 1))


def data(modalities):
    """Batches whose class shifts the input, most in audio, so that somebody leads."""
    g = torch.Generator().manual_seed(11)
    strength = {"audio": 1.0, "visual": 0.3, "text": 0.6}
    for _ in range(UPDATES):
        labels = torch.randint(CLASSES, (ROWS,), generator=g)
        shift = labels[:, None, None, None] - 1.5
        yield {m: torch.randn(ROWS, 1, 6, 6, generator=g) + strength[m] * shift for m in modalities}, labels


def literal(modalities, kind, alpha, scope_ndims, noise, start=0, stop=None, purpose="OgmGe", after=lambda net, t: None):
    """The formula; return the net and every update's factors."""
    net, log = Net(modalities, kind), []
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
    generators = {m: torch.Generator().manual_seed(derived(purpose, SEED, m)) for m in modalities}
    for t, (inputs, labels) in enumerate(data(modalities)):
        optimizer.zero_grad()
        features = net.features(inputs)
        cross_entropy(net.head(torch.cat([*features.values()], 1)), labels).backward()
        if t >= start and (stop is None or t < stop):
            factors = of_the_batch(net, modalities, features, labels, alpha)
            log.append(factors)
            for m in modalities:
                for p in net.encoders[m].parameters():
                    if p.ndim in scope_ndims:
                        edit(p, factors[m], generators[m] if noise else None)
        after(net, t)
        optimizer.step()
    return net, log


def of_the_batch(net, modalities, features, labels, alpha):
    """Score every sample in every modality, and make factors of the sums."""
    scores, at = {}, 0
    for m in modalities:
        weight, scores[m] = net.head.weight[:, at : at + WIDTHS[m]].detach(), 0.0
        at += WIDTHS[m]
        for i in range(ROWS):
            logits = weight @ features[m][i].detach() + net.head.bias.detach() / len(modalities)
            scores[m] += torch.exp(logits[labels[i]]).item() / torch.exp(logits).sum().item()
    factors = {}
    for m in modalities:
        rho = sum(scores[m] / scores[j] for j in modalities if j != m) / (len(modalities) - 1)
        factors[m] = 1 - math.tanh(alpha * rho) if rho > 1 else 1.0
    return factors


def edit(parameter, factor, generator):
    """Scale one gradient, and add the noise."""
    grad = parameter.grad.clone()
    parameter.grad = factor * grad
    if generator is not None and grad.numel() > 1:
        mean = grad.sum() / grad.numel()
        std = ((grad - mean) ** 2).sum().div(grad.numel() - 1).sqrt() + 1e-8
        parameter.grad = factor * grad + std * torch.randn(grad.shape, generator=generator)


def library(modalities, kind, make):
    """The same training with a recipe made from the score."""
    net = Net(modalities, kind)
    score = Score.split(net.head, {m: WIDTHS[m] for m in modalities})
    balancer = Balancer(dict(net.encoders.items()), make(score))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
    for inputs, labels in data(modalities):
        optimizer.zero_grad()
        cross_entropy(net(inputs), labels).backward()
        balancer.adjust(labels)
        optimizer.step()
    return net, balancer


def assert_same(net, expected):
    """All weights and BatchNorm's statistics."""
    for (name, found), (_, wanted) in zip(net.state_dict().items(), expected.state_dict().items(), strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6, msg=lambda words, name=name: f"{name}: {words}")


def distance(net, other):
    return max((a - b).abs().max().item() for a, b in zip(net.parameters(), other.parameters(), strict=True))


NDIMS = {"all": (1, 2, 3, 4), "weights": (2, 3, 4), "conv": (4,)}
MODALITIES = pytest.mark.parametrize("modalities", [TWO, THREE], ids=["two", "three"])


@MODALITIES
@pytest.mark.parametrize(("kind", "scope"), [("conv", "conv"), ("conv", "weights"), ("mlp", "weights"), ("mlp", "all")])
@pytest.mark.parametrize("noise", [False, True], ids=["ogm", "ogm_ge"])
def test_training_equals_the_formula(modalities, kind, scope, noise):
    expected, log = literal(modalities, kind, 0.3, NDIMS[scope], noise)
    made = {"ogm": lambda s: recipes.ogm(s, 0.3, scope), "ge": lambda s: recipes.ogm_ge(s, 0.3, scope, seed=SEED)}
    net, balancer = library(modalities, kind, made["ge" if noise else "ogm"])
    assert_same(net, expected)
    assert len(log) == UPDATES
    means = {m: sum(k[m] for k in log) / UPDATES for m in modalities}
    assert {
        m: f"scaled by {mean:.3g} on average" in balancer.act[0].account()[m] for m, mean in means.items()
    } == dict.fromkeys(modalities, True)
    assert any(k[m] < 1 for k in log for m in modalities), "somebody is held back"
    assert distance(net, literal(modalities, kind, 0.0, (), False)[0]) > 1e-3, "and it shows"


@pytest.mark.parametrize("noise", [False, True], ids=["ogm", "ogm_ge"])
def test_within_a_window(noise):
    expected, log = literal(TWO, "conv", 0.8, NDIMS["conv"], noise, 5, 15)
    make = lambda s: (recipes.ogm_ge if noise else recipes.ogm)(s, 0.8, "conv", 5, 15, **({"seed": SEED} if noise else {}))
    assert_same(library(TWO, "conv", make)[0], expected)
    assert len(log) == 10


def test_ogm_ge_in_a_convolution_scope_does_nothing_to_a_perceptron():
    net, _ = library(TWO, "mlp", lambda s: recipes.ogm_ge(s, 0.8, "conv"))
    assert distance(net, literal(TWO, "mlp", 0.0, (), False)[0]) == 0


def test_ogm_ge_then_staleness_delays_what_it_edited():
    """The queue holds gradients edited on the day they were made."""
    queue = []

    def delay(net, t):
        queue.append([p.grad for p in net.encoders["audio"].parameters()])
        due = queue.pop(0) if len(queue) > 2 else [None] * len(queue[-1])
        for p, grad in zip(net.encoders["audio"].parameters(), due, strict=True):
            p.grad = grad

    expected, _ = literal(TWO, "conv", 0.3, NDIMS["weights"], True, after=delay)
    make = lambda s: recipes.ogm_ge(s, 0.3, seed=SEED) + recipes.staleness("audio", 2)
    net, balancer = library(TWO, "conv", make)
    assert [type(part) for part in balancer.act] == [OgmGe, Delay]
    assert_same(net, expected)
    other, turned = library(TWO, "conv", lambda s: recipes.staleness("audio", 2) + recipes.ogm_ge(s, 0.3, seed=SEED))
    assert [type(part) for part in turned.act] == [Delay, OgmGe]
    assert distance(net, other) > 1e-3, "the other order is another method"


def test_boost_after_ogm_ge_scales_the_noise_too():
    """What the boost multiplies is gradient and noise; the factors come from the readings of the run with asgml."""
    factors = []

    class Told(Probe):
        def learn(self, step, sums):
            super().learn(step, sums)
            values = step.readings["probe"]
            factors.append({m: 1 + 0.5 * min(1.0, (max(values.values()) - u) / 0.1) for m, u in values.items()})

    make = lambda s: recipes.ogm_ge(s, 0.3, seed=SEED) + recipes.boost(Told(CLASSES))
    net, balancer = library(TWO, "mlp", make)
    assert [type(part) for part in balancer.act] == [OgmGe, Scale]
    assert [d.name for d in balancer.measure] == ["score", "probe"]

    def scale(net, t):
        for m, encoder in net.encoders.items():
            for p in encoder.parameters():
                p.grad = p.grad * factors[t][m]

    expected, _ = literal(TWO, "mlp", 0.3, NDIMS["weights"], True, after=scale)
    assert_same(net, expected)
    assert any(k > 1 for step in factors for k in step.values())


def test_a_recipe_can_be_used_again():
    """The second run draws what the first drew."""
    net = Net(TWO, "mlp")
    recipe = recipes.ogm_ge(Score.split(copy.deepcopy(net.head), {m: WIDTHS[m] for m in TWO}), 0.3, seed=SEED)
    runs = [library(TWO, "mlp", lambda s: recipe)[0] for _ in range(2)]
    assert distance(*runs) == 0
