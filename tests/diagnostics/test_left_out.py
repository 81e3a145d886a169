"""What the other rows say of each row: the closed form against fitting every row's regression by itself."""

import pytest
import torch

from asgml.diagnostics._left_out import ROWS, left_out, told_by


def one_by_one(x, residual, penalty):
    """Fit a ridge regression without row i, and ask it for row i."""
    z = (x - x.mean(0)) / x.std(0, correction=0)
    cost = penalty * z.square().sum() * torch.eye(x.shape[1])
    rest = [torch.arange(len(z)) != i for i in range(len(z))]
    fits = [torch.linalg.solve(z[k].T @ z[k] + cost, z[k].T @ residual[k]) for k in rest]
    return torch.stack([z[i] @ fit for i, fit in enumerate(fits)])


@pytest.mark.parametrize(("rows", "width"), [(12, 4), (6, 20)])
@pytest.mark.parametrize("penalty", [0.02, 0.5])
def test_it_is_the_regression_fitted_to_the_other_rows(rows, width, penalty):
    g = torch.Generator().manual_seed(rows)
    x, residual = 3 + 5 * torch.randn(rows, width, generator=g), torch.randn(rows, 3, generator=g)
    expected = one_by_one(x.double(), residual.double(), penalty)
    torch.testing.assert_close(left_out(x, residual, penalty).double(), expected, rtol=1e-3, atol=1e-4)


def test_no_row_tells_of_itself():
    x, residual = torch.randn(8, 5), torch.randn(8, 2)
    other = residual.clone()
    other[3] += 10
    changed = (left_out(x, residual) - left_out(x, other)).abs() > 1e-3
    assert not changed[3].any()
    assert changed.sum() == 2 * 7


def test_large_batches_are_taken_in_pieces():
    x, residual = torch.randn(2 * ROWS + 2, 4), torch.randn(2 * ROWS + 2, 3)
    pieces = [left_out(*part) for part in zip(x.chunk(3), residual.chunk(3), strict=True)]
    torch.testing.assert_close(left_out(x, residual), torch.cat(pieces))
    whole, most = left_out(x[:ROWS], residual[:ROWS]), one_by_one(x[:ROWS], residual[:ROWS], 0.02)
    torch.testing.assert_close(whole, most, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("x", [torch.zeros(5, 3), torch.full((5, 3), 7.0), torch.randn(1, 3), torch.zeros(0, 3)])
def test_features_that_tell_nothing_apart_say_nothing(x):
    assert torch.allclose(left_out(x, torch.randn(len(x), 2)), torch.zeros(len(x), 2), atol=1e-6)


@pytest.mark.parametrize(("rows", "width"), [(12, 4), (6, 20)])
def test_what_rows_tell_of_others_is_the_regression_fitted_to_them(rows, width):
    g = torch.Generator().manual_seed(rows)
    x, y, new = (torch.randn(n, d, generator=g, dtype=torch.double) for n, d in ((rows, width), (rows, 3), (5, width)))
    x, new = 3 + 5 * x, 3 + 5 * new
    z, others = ((part - x.mean(0)) / x.std(0, correction=0) for part in (x, new))
    cost = 0.02 * z.square().sum() * torch.eye(width)
    expected = y.mean(0) + others @ torch.linalg.solve(z.T @ z + cost, z.T @ (y - y.mean(0)))
    torch.testing.assert_close(told_by(x, y, new), expected, rtol=1e-3, atol=1e-4)


def test_features_that_tell_nothing_apart_tell_the_mean():
    y = torch.randn(5, 2)
    assert torch.allclose(told_by(torch.full((5, 3), 7.0), y, torch.full((4, 3), 7.0)), y.mean(0).expand(4, 2), atol=1e-6)
