"""What the other rows of a batch say of each row: leave-one-out ridge regression in closed form."""

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
    z = _standardised(x)
    gram = z @ z.T
    gram.diagonal().add_((penalty * gram.diagonal().sum()).clamp_min(1e-6))
    inverse = torch.linalg.inv_ex(gram)[0]  # unlike `inv` it waits for no answer from the device
    left_out: Tensor = residual - inverse @ residual / inverse.diagonal()[:, None]
    return left_out


def _standardised(x: Tensor) -> Tensor:
    z = x - x.mean(0)
    variance = z.square().mean(0)
    scaled: Tensor = z / (variance + 1e-5 * variance.mean() + 1e-12).sqrt()
    return scaled
