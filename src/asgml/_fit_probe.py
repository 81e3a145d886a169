"""How much a frozen feature tells: the offline linear probes, for classes and for numbers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from asgml._ranks import real


@dataclass(frozen=True, eq=False)
class LinearProbe:
    """A fitted multinomial logistic regression on standardised features; what `fit_probe` returns. All float64."""

    weight: Tensor
    """(D, classes)."""
    bias: Tensor
    """(classes,)."""
    mean: Tensor
    """(D,), of the training features."""
    scale: Tensor
    """(D,), their standard deviations; 1 where a feature is constant."""
    classes: Tensor
    """(classes,), the labels in ascending order."""

    def logits(self, features: Tensor) -> Tensor:
        """Return logits (N, classes) for features (N, D)."""
        return (real(features.detach()).flatten(1).double() - self.mean) / self.scale @ self.weight + self.bias

    def predict(self, features: Tensor) -> Tensor:
        """Return labels (N,)."""
        return self.classes[self.logits(features).argmax(1)]

    def accuracy(self, features: Tensor, targets: Tensor) -> float:
        """Return the share of rows, 0-1, whose label is predicted right."""
        return (self.predict(features) == targets).double().mean().item()


def fit_probe(
    features: Tensor, targets: Tensor, *, c: float = 1.0, max_iter: int = 200, ignore_index: int = -100
) -> LinearProbe:
    """Fit a linear probe on frozen features: how well a modality's feature alone tells the class.

    Minimises 1/2 ||W||^2 + C * sum of cross-entropies, bias free of penalty, features standardised by their own (training)
    statistics, by L-BFGS in float64 from zero: deterministic, and the same optimum as scikit-learn's `LogisticRegression(C=C)`.
    Take the features in eval mode, fit on training data alone, and never tune it, or it no longer compares encoders.

    Args:
        features: (N, D), or (N, ...) that is flattened.
        targets: (N,) integer labels of at least two classes.
        c: weight C of the data against the penalty.
        max_iter: L-BFGS iterations at most.
        ignore_index: the label of rows that have none, which are left out.

    Raises:
        ValueError: on another number of rows, labels that are not integers, fewer than two classes, or values not finite.

    >>> import torch
    >>> from asgml import fit_probe
    >>> x = torch.tensor([[-2.0], [-1.0], [1.0], [2.0]])
    >>> fit_probe(x, torch.tensor([0, 0, 1, 1])).accuracy(x, torch.tensor([0, 0, 1, 1]))
    1.0
    """
    x, classes, index = _checked(features, targets, ignore_index)
    mean, scale = _standard(x)
    weight, bias = _minimise((x - mean) / scale, index, len(classes), c, max_iter)
    return LinearProbe(weight, bias, mean, scale, classes)


def _checked(features: Tensor, targets: Tensor, ignore_index: int) -> tuple[Tensor, Tensor, Tensor]:
    if targets.ndim != 1 or len(features) != len(targets) or targets.is_floating_point():
        raise ValueError(
            f"`targets` must be integer labels of shape ({len(features)},), one per row of `features`; "
            f"found shape {tuple(targets.shape)}, {targets.dtype}"
        )
    keep = targets.long() != ignore_index
    if not keep.all():
        features, targets = features[keep], targets[keep]
    classes, index = torch.unique(targets, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"`targets` must hold at least two classes, found {classes.tolist()}")
    return _finite(features), classes, index


def _finite(features: Tensor) -> Tensor:
    x = real(features.detach()).flatten(1).double()
    if not x.isfinite().all():
        raise ValueError("`features` must be finite, found inf or nan: has the training diverged?")
    return x


def _standard(x: Tensor) -> tuple[Tensor, Tensor]:
    mean, scale = x.mean(0), x.std(0, correction=0)
    return mean, torch.where(scale > 0, scale, 1.0)


def _minimise(x: Tensor, index: Tensor, classes: int, c: float, max_iter: int) -> tuple[Tensor, Tensor]:
    weight = x.new_zeros(x.shape[1], classes).requires_grad_()
    bias = x.new_zeros(classes).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=max_iter, tolerance_grad=1e-5, tolerance_change=1e-10, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = (weight.square().sum() / 2 + c * cross_entropy(x @ weight + bias, index, reduction="sum")) / (c * len(x))
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return weight.detach(), bias.detach()


@dataclass(frozen=True, eq=False)
class RidgeRegression:
    """A fitted ridge regression on standardised features; what `fit_ridge_probe` returns. All float64."""

    weight: Tensor
    """(D, K)."""
    bias: Tensor
    """(K,), the means of the training targets."""
    mean: Tensor
    """(D,), of the training features."""
    scale: Tensor
    """(D,), their standard deviations; 1 where a feature is constant."""

    def predict(self, features: Tensor) -> Tensor:
        """Return predictions (N, K) for features (N, D)."""
        return (real(features.detach()).flatten(1).double() - self.mean) / self.scale @ self.weight + self.bias

    def r2(self, features: Tensor, targets: Tensor) -> float:
        """Return R^2 (at most 1), averaged over outputs; a constant output counts 1 if it is met exactly, else 0."""
        y = targets.detach().reshape(len(targets), -1).double()
        residual = (y - self.predict(features)).square().sum(0)
        total = (y - y.mean(0)).square().sum(0)
        constant = torch.where(residual > 0, 0.0, 1.0)
        return torch.where(total > 0, 1 - residual / torch.where(total > 0, total, 1.0), constant).mean().item()


def fit_ridge_probe(features: Tensor, targets: Tensor, *, alpha: float = 1.0) -> RidgeRegression:
    """Fit a ridge regression on frozen features: how well a modality's feature alone tells a number.

    Minimises the summed squared errors + alpha ||W||^2, bias free of penalty, features standardised by their own (training)
    statistics, in closed form in float64: the same as scikit-learn's `Ridge(alpha)` on these features. As for `fit_probe`,
    take features in eval mode, fit on training data alone, and never tune it.

    Args:
        features: (N, D), or (N, ...) that is flattened.
        targets: (N,) or (N, K), float.
        alpha: weight of the penalty, above 0.

    Raises:
        ValueError: on another number of rows, no row, an alpha that is not above 0, or values not finite.

    >>> import torch
    >>> from asgml import fit_ridge_probe
    >>> x = torch.tensor([[-2.0], [-1.0], [1.0], [2.0]])
    >>> round(fit_ridge_probe(x, 3 * x[:, 0] + 1, alpha=1e-6).r2(x, 3 * x[:, 0] + 1), 4)
    1.0
    """
    if targets.ndim not in (1, 2) or len(features) != len(targets) or not len(targets):
        raise ValueError(
            f"`targets` must have shape ({len(features)},) or ({len(features)}, K), a row per row of `features`, at least one; "
            f"found shape {tuple(targets.shape)}"
        )
    if not alpha > 0:
        raise ValueError(f"`alpha` must be above 0, found {alpha}")
    x, y = _finite(features), targets.detach().reshape(len(targets), -1).double()
    if not y.isfinite().all():
        raise ValueError("`targets` must be finite, found inf or nan")
    mean, scale = _standard(x)
    z, bias = (x - mean) / scale, y.mean(0)
    weight = torch.linalg.solve(z.T @ z + alpha * torch.eye(z.shape[1]).to(z), z.T @ (y - bias))
    return RidgeRegression(weight, bias, mean, scale)
