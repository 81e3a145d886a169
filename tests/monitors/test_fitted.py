"""told_by: the offline probe's classifier in a fixed number of steps."""

import pytest
import torch

from asgml import fit_probe
from asgml.monitors._fitted import _largest_eigenvalue, told_by


def classes_in(n, width, spread, seed=0, scale=1.0, shift=0.0):
    """Four classes around centres of their own."""
    g, centres = torch.Generator().manual_seed(seed), torch.randn(4, width, generator=torch.Generator().manual_seed(9))
    y = torch.arange(n) % 4
    return (centres[y] + spread * torch.randn(n, width, generator=g)) * scale + shift, y


@pytest.mark.parametrize(("scale", "shift"), [(1, 0), (1e3, 0), (1e-3, 0), (1, 50)])
@pytest.mark.parametrize(("rows", "width"), [(200, 8), (40, 60)])
def test_it_says_what_the_offline_probe_says(rows, width, scale, shift):
    (x, y), (new, _) = (classes_in(n, width, 2.0, seed, scale, shift) for n, seed in ((rows, 1), (100, 2)))
    said, offline = told_by(x, torch.eye(4)[y], new), fit_probe(x, y).logits(new)
    torch.testing.assert_close(said.softmax(1).double(), offline.softmax(1), atol=0.05, rtol=0)
    assert (said.argmax(1) == offline.argmax(1)).float().mean() >= 0.97


def test_the_eigenvalue_is_within_the_ten_percent_that_are_allowed():
    x, _ = classes_in(60, 12, 1.0)
    found, largest = _largest_eigenvalue(x), torch.linalg.eigvalsh(x.T @ x)[-1]
    assert 0.9 * largest < found <= largest * 1.001


@pytest.mark.parametrize("x", [torch.full((6, 3), 7.0), torch.zeros(6, 3)])
def test_features_that_tell_nothing_apart_tell_the_commonest_class(x):
    y = torch.tensor([2, 2, 2, 1, 0, 0])
    assert (told_by(x, torch.eye(4)[y], x).argmax(1) == 2).all()


def test_features_that_move_together_need_the_acceleration():
    """Forty near copies of one column make the curvature much larger in one direction than in the others."""
    x, y = classes_in(300, 6, 2.0)
    copies = torch.cat([x, x[:, :1] + 0.05 * torch.randn(300, 40, generator=torch.Generator().manual_seed(3))], 1)
    said, offline = told_by(copies, torch.eye(4)[y], copies), fit_probe(copies, y).logits(copies)
    assert (said.softmax(1) - offline.softmax(1)).abs().max() < 0.05
