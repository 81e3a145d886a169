"""The offline probe: the optimum of its formula, scikit-learn's result, the same bits every time."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score
from torch.nn.functional import cross_entropy

from asgml import fit_probe, fit_ridge_probe


@pytest.fixture(scope="module")
def digits():
    """Real digits as 2 x 64 features: 800 to fit, 997 to score; noise makes them hard."""
    x, y = load_digits(return_X_y=True)
    x = torch.from_numpy(x + np.random.default_rng(0).normal(0, 8, x.shape)).float()
    return x[:800], torch.from_numpy(y[:800]), x[800:], torch.from_numpy(y[800:])


def sklearn_on(x, y):
    mean, scale = x.mean(0), x.std(0, correction=0)
    scale = torch.where(scale > 0, scale, 1.0)
    fitted = LogisticRegression(C=1.0, tol=1e-8, max_iter=5000).fit(((x - mean) / scale).numpy(), y.numpy())
    return fitted, lambda z: fitted.predict(((z - mean) / scale).numpy())


def test_it_equals_scikit_learn(digits):
    x, y, z, truth = digits
    probe, (fitted, predict) = fit_probe(x, y), sklearn_on(x.double(), y)
    reference = float((predict(z.double()) == truth.numpy()).mean())
    assert 0.5 < reference < 0.95, "hard enough to tell"
    assert abs(probe.accuracy(z, truth) - reference) <= 0.005
    weight = probe.weight.T - probe.weight.mean(1)  # softmax is blind to a common shift
    np.testing.assert_allclose(weight.numpy(), fitted.coef_ - fitted.coef_.mean(0), atol=2e-3)


def test_the_gradient_of_the_stated_loss_is_zero_at_the_result(digits):
    x, y, _, _ = digits
    for c in (0.1, 1.0, 10.0):
        probe = fit_probe(x, y, c=c)
        w, b = probe.weight.clone().requires_grad_(), probe.bias.clone().requires_grad_()
        z = (x.double() - probe.mean) / probe.scale
        (w.square().sum() / 2 + c * cross_entropy(z @ w + b, y, reduction="sum")).backward()
        assert w.grad.abs().max() < 0.05 * c + 0.01
        assert b.grad.abs().max() < 0.05 * c + 0.01
        assert probe.weight.dtype == torch.float64


def test_it_is_deterministic_and_leaves_torch_as_it_was(digits):
    x, y, z, _ = digits
    state = torch.get_rng_state()
    first, second = fit_probe(x, y), fit_probe(x.clone(), y.clone())
    assert torch.equal(first.logits(z), second.logits(z))
    assert torch.equal(torch.get_rng_state(), state)
    with torch.no_grad():
        assert torch.equal(fit_probe(x, y).logits(z), first.logits(z)), "inside no_grad too"


def test_scale_and_shift_of_features_do_not_matter(digits):
    x, y, z, _ = digits
    plain = fit_probe(x, y).predict(z)
    moved = fit_probe(x * 1000 + 7, y).predict(z * 1000 + 7)
    assert (plain == moved).double().mean() > 0.995


def test_labels_need_not_start_at_zero_nor_be_complete():
    x = torch.tensor([[-2.0], [-1.0], [1.0], [2.0]])
    probe = fit_probe(x, torch.tensor([7, 7, 3, 3]))
    assert probe.predict(x).tolist() == [7, 7, 3, 3]
    assert probe.accuracy(x, torch.tensor([7, 7, 9, 9])) == 0.5, "a class that training never showed is simply missed"


def test_a_constant_feature_is_harmless():
    x = torch.tensor([[-2.0, 5.0], [-1.0, 5.0], [1.0, 5.0], [2.0, 5.0]])
    assert fit_probe(x, torch.tensor([0, 0, 1, 1])).predict(x).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (torch.zeros(3, 2), torch.zeros(2, dtype=torch.long), r"`targets` must be integer labels of shape \(3,\)"),
        (torch.zeros(3, 2), torch.zeros(3), "found shape .*float32"),
        (torch.zeros(3, 2), torch.zeros(3, dtype=torch.long), r"at least two classes, found \[0\]"),
        (torch.tensor([[1.0], [float("nan")]]), torch.tensor([0, 1]), "`features` must be finite, found inf or nan"),
    ],
)
def test_bad_input_is_refused(x, y, words):
    with pytest.raises(ValueError, match=words):
        fit_probe(x, y)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("alpha", [0.1, 1.0, 50.0])
def test_the_ridge_probe_equals_scikit_learn(outputs, alpha):
    g = torch.Generator().manual_seed(outputs)
    x = torch.randn(80, 6, generator=g) * torch.tensor([1.0, 10, 0.1, 1, 1, 0]) + 5
    y = x[:, :outputs] * 2 + torch.randn(80, outputs, generator=g)
    (x, z), (y, truth) = x.split([50, 30]), y.split([50, 30])
    probe, mean = fit_ridge_probe(x, y, alpha=alpha), x.double().mean(0)
    scale = torch.cat([x[:, :5].double().std(0, correction=0), torch.ones(1)])  # the last column is constant
    reference = Ridge(alpha=alpha).fit(((x.double() - mean) / scale).numpy(), y.double().numpy())
    foretold = reference.predict(((z.double() - mean) / scale).numpy()).reshape(30, outputs)
    np.testing.assert_allclose(probe.predict(z).numpy(), foretold, rtol=1e-8, atol=1e-8)
    assert probe.r2(z, truth) == pytest.approx(r2_score(truth.double().numpy(), foretold), abs=1e-9)


def test_the_ridge_probe_takes_one_column_as_a_vector():
    x, y = torch.randn(9, 2), torch.randn(9)
    assert torch.equal(fit_ridge_probe(x, y).weight, fit_ridge_probe(x, y[:, None]).weight)
    assert fit_ridge_probe(x, torch.ones(9)).r2(x, torch.ones(9)) == 1
    assert fit_ridge_probe(x, torch.ones(9)).r2(x, torch.zeros(9)) == 0, "a constant that is missed"


@pytest.mark.parametrize(
    ("x", "y", "alpha", "words"),
    [
        (torch.zeros(3, 2), torch.zeros(2), 1, r"`targets` must have shape \(3,\) or \(3, K\)"),
        (torch.zeros(0, 2), torch.zeros(0), 1, r"at least one; found shape \(0,\)"),
        (torch.zeros(3, 2), torch.zeros(3), 0, "`alpha` must be above 0, found 0"),
        (torch.full((3, 2), torch.inf), torch.zeros(3), 1, "`features` must be finite"),
        (torch.zeros(3, 2), torch.full((3,), torch.nan), 1, "`targets` must be finite"),
    ],
)
def test_the_ridge_probe_refuses_bad_input(x, y, alpha, words):
    with pytest.raises(ValueError, match=words):
        fit_ridge_probe(x, y, alpha=alpha)
