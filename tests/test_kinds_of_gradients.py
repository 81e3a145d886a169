"""Complex and sparse parameters, and gradients that `torch.func` makes: they work, or are refused in words."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap

from asgml import Balancer, Recipe, fit_probe, recipes
from asgml.interventions import Delay, Noise, OgmGe, Scale
from asgml.monitors import Conflict, GradNorm, Probe, RidgeProbe, WeightDrift
from asgml.policies import Constant

ROWS = 8


class Waves(nn.Module):
    """A complex layer; `whole` hands its complex output on."""

    def __init__(self, whole=False):
        super().__init__()
        self.weight, self.whole = nn.Parameter(torch.randn(6, 5, dtype=torch.complex64)), whole

    def forward(self, x):
        h = x.to(torch.complex64) @ self.weight
        return h if self.whole else h.abs()


ENCODERS = {
    "complex": lambda: (Waves(), torch.randn(ROWS, 6)),
    "complex features": lambda: (Waves(whole=True), torch.randn(ROWS, 6)),
    "sparse": lambda: (nn.EmbeddingBag(20, 5, sparse=True), torch.randint(20, (ROWS, 3))),
}
PARTS = {
    "frequency": lambda: recipes.frequency("audio", k=2).act[0],
    "delay": lambda: Delay({"audio": 1}, damping=1.0),
    "scale": lambda: Scale({"audio": 0.5}),
    "noise": lambda: Noise({"audio": 0.1}),
    "ogm_ge": lambda: OgmGe(Constant({"audio": 0.5})),
}


def dense(parameter):
    found = parameter.grad
    return None if found is None else (found.to_dense() if found.is_sparse else found).clone()


def train(kind, act, measure=(), steps=4):
    """Return per update (gradient before, gradient after), and the Balancer."""
    torch.manual_seed(0)
    encoder, x = ENCODERS[kind]()
    (parameter,) = encoder.parameters()
    balancer = Balancer({"audio": encoder}, Recipe(tuple(measure), (act,)))
    optimizer, seen = torch.optim.SGD(encoder.parameters(), lr=0.01), []
    for step in range(steps):
        (encoder(x).abs().square().sum() + torch.zeros((), requires_grad=True)).backward()
        before = dense(parameter)
        balancer.adjust(torch.arange(ROWS) % 3 if step % 2 else torch.arange(ROWS).remainder(3))
        seen.append((before, dense(parameter)))
        optimizer.step()
        optimizer.zero_grad()
    return seen, balancer


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("part", ["frequency", "delay", "scale"])
def test_parts_act_on_every_number(part, kind):
    looks = [GradNorm(), Probe(3), WeightDrift()]
    seen, balancer = train(kind, PARTS[part](), looks)
    for t, (before, after) in enumerate(seen):
        if part == "scale":
            torch.testing.assert_close(after, before * 0.5)
        elif part == "frequency":
            assert (after is None) == bool(t % 2)
        else:
            assert (after is None) if t == 0 else torch.equal(after, seen[t - 1][0] * 0.5)
    norm = [before for before, _ in seen if before is not None][-1].abs().square().sum().sqrt().item()
    assert balancer.readings["grad_norm"]["audio"] == pytest.approx(norm)
    assert balancer.readings["weight_drift"]["audio"] > 0
    assert 0 <= balancer.readings["probe"]["audio"] <= 1


@pytest.mark.parametrize("part", ["noise", "ogm_ge"])
def test_noise_has_the_spread_of_complex_gradients_in_both_parts(part):
    seen, _ = train("complex", PARTS[part](), steps=40)
    factor, scale = {"noise": (0.1, 1.0), "ogm_ge": (1.0, 0.5)}[part]
    drawn = torch.stack([(after - scale * before) / (factor * before.std()) for before, after in seen])
    assert drawn.std().item() == pytest.approx(1, rel=0.05)
    assert drawn.real.std().item() == pytest.approx(0.5**0.5, rel=0.1)
    assert drawn.imag.std().item() == pytest.approx(0.5**0.5, rel=0.1)


def test_noise_on_sparse_gradients_is_refused():
    with pytest.raises(ValueError, match="is sparse, and noise would fill it"):
        train("sparse", PARTS["noise"]())


def test_the_cosine_counts_imaginary_parts():
    torch.manual_seed(0)
    encoder, x = ENCODERS["complex"]()
    other = torch.randn(6, 5, dtype=torch.complex64)
    alone = lambda: (encoder.weight * other.conj()).real.sum() + 0 * encoder(x).sum()
    balancer = Balancer({"audio": encoder}, measure=[Conflict({"audio": alone})])
    encoder(x).sum().backward()
    g = encoder.weight.grad
    expected = (g * other.conj()).real.sum() / (g.abs().square().sum() * other.abs().square().sum()).sqrt()
    assert balancer.adjust()["conflict"]["audio"] == pytest.approx(expected.item(), abs=1e-6)


def test_probes_read_imaginary_parts():
    labels = torch.arange(60) % 2
    features = torch.complex(torch.zeros(60, 1), 2.0 * labels[:, None] - 1 + 0.1 * torch.randn(60, 1))
    assert fit_probe(features, labels).accuracy(features, labels) == 1
    audio = nn.Identity()
    balancer = Balancer({"audio": audio}, measure=[Probe(2), RidgeProbe()])
    for _ in range(4):
        audio(features)
        balancer.adjust(labels)
    assert balancer.readings["probe"]["audio"] > 0.7
    assert balancer.readings["ridge_probe"]["audio"] > 0.7


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.audio, self.visual, self.head = nn.Linear(6, 4), nn.Linear(7, 4), nn.Linear(8, 3)

    def forward(self, a, v):
        return self.head(torch.cat([self.audio(a), self.visual(v)], 1))


def plain(net, a, v, labels):
    nn.functional.cross_entropy(net(a, v), labels).backward()


def called(net, a, v, labels):
    nn.functional.cross_entropy(functional_call(net, dict(net.named_parameters()), (a, v)), labels).backward()


def by_grad(net, a, v, labels):
    weights = dict(net.named_parameters())
    found = grad(lambda w: nn.functional.cross_entropy(functional_call(net, w, (a, v)), labels))(weights)
    for name, parameter in weights.items():
        parameter.grad = found[name]


def per_sample(net, a, v, labels):
    weights = {name: p.detach() for name, p in net.named_parameters()}
    one = lambda w, a, v, y: nn.functional.cross_entropy(functional_call(net, w, (a[None], v[None])), y[None])
    found = vmap(grad(one), in_dims=(None, 0, 0, 0))(weights, a, v, labels)
    for name, parameter in net.named_parameters():
        parameter.grad = found[name].mean(0)


def run(how, recipe):
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    balancer = Balancer({"audio": net.audio, "visual": net.visual}, recipe, measure=[GradNorm(), Probe(3)])
    for step in range(6):
        torch.manual_seed(step)
        a, v, labels = torch.randn(ROWS, 6), torch.randn(ROWS, 7), torch.randint(3, (ROWS,))
        how(net, a, v, labels)
        balancer.adjust(labels)
        optimizer.step()
        optimizer.zero_grad()
    return {n: p.detach() for n, p in net.named_parameters()}, balancer


@pytest.mark.parametrize("how", [called, by_grad])
@pytest.mark.parametrize("recipe", [recipes.frequency("audio", k=2), recipes.staleness("audio", tau=1)])
def test_functional_calls_train_as_plain_ones(how, recipe):
    (weights, balancer), (expected, other) = run(how, recipe), run(plain, recipe)
    torch.testing.assert_close(weights, expected)
    assert balancer.tally == other.tally
    assert balancer.readings["probe"] == other.readings["probe"]


@pytest.mark.parametrize("recipe", [None, recipes.frequency("audio", k=2)])
def test_per_sample_gradients_by_vmap_are_refused_with_words(recipe):
    with pytest.raises(RuntimeError, match=r"encoder 'audio' runs inside `torch.func.vmap`, as per-sample gradients are made"):
        run(per_sample, recipe)
