"""The offline probe: the optimum of its formula, scikit-learn's result, the same bits every time."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch.nn.functional import cross_entropy

from asgml import fit_probe


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
