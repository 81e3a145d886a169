"""How far the samples at hand leave a number open: the clustered bootstrap."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Estimate(NamedTuple):
    """A number and its 95 % interval (percentile bootstrap), None where there is none."""

    value: float
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, draws: Tensor) -> Estimate:
        """Take draws (1 + R,): the number itself, then its value in R resamples."""
        value, resampled = draws[0].item(), draws[1:]
        if not len(resampled):
            return cls(value)
        low, high = torch.quantile(resampled, torch.tensor([0.025, 0.975], dtype=draws.dtype)).tolist()
        return cls(value, low, high)


def cluster_numbers(groups: Iterable[Any] | None, samples: int) -> Tensor:
    """Return each sample's cluster (N,), numbered from 0; without groups every sample is its own."""
    if groups is None:
        return torch.arange(samples)
    names = [g.item() if isinstance(g, Tensor) else g for g in groups]
    if len(names) != samples:
        raise ValueError(
            f"`groups` must name the group of each of the {samples} held-out samples, in the loader's order, found {len(names)}"
        )
    numbers = {name: n for n, name in enumerate(dict.fromkeys(names))}
    return torch.tensor([numbers[name] for name in names])


def resampled_means(columns: Tensor, clusters: Tensor, times: int, generator: torch.Generator) -> Tensor:
    """Return (1 + times, K): the means of columns (N, K), then those of `times` resamples of whole clusters.

    Every resample draws as many clusters as there are, with replacement, and takes all samples of each.
    """
    n = int(clusters.max()) + 1
    table = torch.cat([columns.double(), columns.new_ones(len(columns), 1, dtype=torch.double)], 1)
    sums = table.new_zeros(n, table.shape[1]).index_add_(0, clusters, table)
    drawn = [torch.randint(n, (n,), generator=generator).bincount(minlength=n).double() for _ in range(times)]
    totals = torch.stack([sums.sum(0), *(counts @ sums for counts in drawn)])
    return totals[:, :-1] / totals[:, -1:]
