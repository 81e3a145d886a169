"""Ridge regression on a batch in closed form: what the other rows say of each row, and what its rows say of other batches."""

from __future__ import annotations

import torch
from torch import Tensor

PENALTY = 0.02
ROWS = 256


def left_out(x: Tensor, residual: Tensor, penalty: float = PENALTY) -> Tensor:
    """Return (B, C): for each row, what a ridge regression fitted to all other rows predicts of `residual` (B, C).

    Features x (B, D) are standardised over the batch; the weights' squares cost `penalty` times the batch's summed squared
    lengths, so `penalty` has no unit and the system is well conditioned. With A = Z Z^T + that cost on the diagonal, row i's
    prediction is R_i - (A^-1 R)_i / (A^-1)_ii (Allen, 1974: PRESS), which R_i does not enter. Batches above 256 rows are
    taken in pieces of at most that many, so the cost grows with B alone, and no D x D matrix is ever built.
    """
    pieces = -(-len(x) // ROWS) or 1
    return torch.cat([_left_out(*part, penalty) for part in zip(x.chunk(pieces), residual.chunk(pieces), strict=True)])


def _left_out(x: Tensor, residual: Tensor, penalty: float) -> Tensor:
    mean, scale = _statistics(x)
    z = (x - mean) / scale
    gram = z @ z.T
    gram.diagonal().add_((penalty * gram.diagonal().sum()).clamp_min(1e-6))
    inverse = torch.linalg.inv_ex(gram)[0]  # unlike `inv` it waits for no answer from the device
    left_out: Tensor = residual - inverse @ residual / inverse.diagonal()[:, None]
    return left_out


def told_by(x: Tensor, targets: Tensor, new: Tensor, penalty: float = PENALTY) -> Tensor:
    """Return (N, C): what a ridge regression fitted to `targets` (B, C) on features x (B, D) predicts for features new (N, D).

    Both are standardised by the statistics of x; the penalty is as in `left_out`, the bias free. It solves a system of the
    smaller of B and D.
    """
    mean, scale = _statistics(x)
    z, share = (x - mean) / scale, targets.mean(0)
    residual, wide = targets - share, len(x) < x.shape[1]
    system = z @ z.T if wide else z.T @ z
    system.diagonal().add_((penalty * system.diagonal().sum()).clamp_min(1e-6))
    factor = torch.linalg.cholesky_ex(system)[0]  # unlike `solve` it waits for no answer from the device
    weight = z.T @ torch.cholesky_solve(residual, factor) if wide else torch.cholesky_solve(z.T @ residual, factor)
    return share + (new - mean) / scale @ weight


def _statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    mean = x.mean(0)
    variance = (x - mean).square().mean(0)
    return mean, (variance + 1e-5 * variance.mean() + 1e-12).sqrt()
