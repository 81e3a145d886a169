"""Golden values from outside: the published definitions, worked out by formula or by torch's own optimizers."""

import pytest
import torch
from torch import nn

from asgml import Balancer, Recipe, recipes
from asgml.interventions import Delay, Skip
from asgml.monitors import Probe, Score
from asgml.policies import Boost, Constant, EveryK, Ogm, OneIn
from steps import step_of, told

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


LOGITS = {
    "a": [[2.0, 0.5, -1.0], [0.2, 1.5, 0.3], [0.1, 0.0, 1.2], [1.0, 1.0, 0.0]],
    "v": [[0.5, 0.4, 0.1], [0.3, 0.2, 0.1], [0.0, 0.9, 0.3], [0.2, 0.1, 0.4]],
    "t": [[0.3, 0.2, 0.9], [0.4, 0.4, 0.4], [1.4, 0.1, 0.0], [0.2, 0.9, 0.1]],
}
LABELS = torch.tensor([0, 1, 2, 0])


def scores(modalities="av"):
    """Mean probabilities of the true class, of logits that encoders hand on as they are."""
    of = step_of({m: torch.tensor(LOGITS[m]) for m in modalities}, LABELS)
    return told(Score({m: lambda h: h for m in modalities}), [of])[0]


@pytest.mark.parametrize(("alpha", "factor"), [(0.1, 0.8162552), (0.3, 0.49383), (0.8, 0.0972576)])
def test_ogm_factors(alpha, factor):
    """The released code's, whose scores are sums over the batch where ours are means: only their ratio counts."""
    found = scores()
    assert {m: 4 * s for m, s in found.items()} == pytest.approx({"a": 2.4553213, "v": 1.3210912}, abs=1e-5)
    assert found["a"] / found["v"] == pytest.approx(1.8585556, abs=1e-5)
    assert Ogm(alpha)(0, {"score": found}) == pytest.approx({"a": factor, "v": 1.0}, abs=1e-5)


def test_ogm_on_a_tie_holds_nobody_back():
    """As in the paper; the released code would hold its first modality back by 0.3359632."""
    tie = Ogm(0.8)(0, {"score": dict.fromkeys("av", scores()["a"])})
    assert tie == {"a": 1.0, "v": 1.0}


def test_ogm_of_three_modalities():
    """The mean over the others of s_m / s_j: the research code's s_m / mean(s) would give 0.1577715."""
    found = scores("avt")
    assert {m: 4 * s for m, s in found.items()} == pytest.approx({"a": 2.4553213, "v": 1.3210912, "t": 1.0191705}, abs=1e-5)
    rho = (2.4553213 / 1.3210912 + 2.4553213 / 1.0191705) / 2
    expected = {"a": 1 - torch.tanh(torch.tensor(0.8 * rho)).item(), "t": 1.0}
    rho = (1.3210912 / 2.4553213 + 1.3210912 / 1.0191705) / 2
    assert rho < 1
    assert Ogm(0.8)(0, {"score": found}) == pytest.approx(expected | {"v": 1.0}, abs=1e-5)


def test_ogm_in_one_step_of_training():
    """The released training step: convolutions of one weight per channel, and a linear head on both features."""
    net = nn.ModuleDict({"audio": nn.Conv2d(1, 2, 1), "visual": nn.Conv2d(1, 2, 1), "head": nn.Linear(4, 3)})
    with torch.no_grad():
        for n, p in enumerate(net.parameters()):
            p.copy_(((torch.arange(p.numel()) - p.numel() / 2) * 0.3 + 0.1 * (n + 1)).view_as(p))
    inputs = {"audio": [1.0, -0.5, 2.0, 0.3], "visual": [0.7, 1.1, -0.4, 0.2]}
    encoders = {m: net[m] for m in inputs}
    score = Score.split(net["head"], {"audio": 2, "visual": 2})
    balancer = Balancer(encoders, recipes.ogm(score, 0.8, "conv"), features={m: lambda h: h.flatten(1) for m in inputs})
    features = [net[m](torch.tensor(x)[:, None, None, None]).flatten(1) for m, x in inputs.items()]
    nn.functional.cross_entropy(net["head"](torch.cat(features, 1)), LABELS).backward()
    raw = {n: p.grad.clone() for n, p in net.named_parameters()}
    balancer.adjust(LABELS)
    found = {n: p.grad.flatten().tolist() for n, p in net.named_parameters()}
    assert raw["audio.weight"].flatten().tolist() == pytest.approx([0.1622144] * 2, abs=1e-5)
    assert found["audio.weight"] == pytest.approx([0.0392132] * 2, abs=1e-5)
    assert found["visual.weight"] == pytest.approx([0.7558849] * 2, abs=1e-5)
    assert found["audio.bias"] == found["visual.bias"] == pytest.approx([1.0115664] * 2, abs=1e-5)
    assert found["head.bias"] == pytest.approx([-0.4128599, -0.0172522, 0.4301121], abs=1e-5)


@pytest.mark.parametrize(
    ("found", "by_gap"),
    [
        ({"a": 0.65, "t": 0.5, "v": 0.35}, {"a": 1.0, "t": 1.25, "v": 1.5}),
        ({"a": 0.5001, "t": 0.5001, "v": 0.5}, {"a": 1.0, "t": 1.0, "v": 1.5}),
        ({"a": 0.4, "t": 0.4, "v": 0.4}, {"a": 1.0, "t": 1.0, "v": 1.0}),
    ],
)
def test_boost_factors_of_the_research_code(found, by_gap):
    scales = Boost(alpha=0.5, scale_max=2.0, normalise="gap")(0, {"probe": found})
    assert scales == pytest.approx(by_gap, abs=1e-6)
