"""What an encoder returns (a tensor, or tensors in tuples, lists and mappings), changed row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


def mapped(change: Callable[[Tensor], Tensor], output: Any, rows: int) -> Any:
    """Return an output with `change` done to every tensor in it whose first axis has one entry per sample."""
    if isinstance(output, Tensor):
        return change(output) if output.ndim and len(output) == rows else output
    if isinstance(output, Mapping):
        return type(output)(**{key: mapped(change, value, rows) for key, value in output.items()})
    if isinstance(output, tuple) and hasattr(output, "_fields"):
        return type(output)(*(mapped(change, value, rows) for value in output))
    if isinstance(output, list | tuple):
        return type(output)(mapped(change, value, rows) for value in output)
    return output


def copied(output: Any) -> Any:
    """Return an output with copies of its tensors, which nothing that changes the output in place reaches."""
    if isinstance(output, Tensor):
        return output.clone()
    if isinstance(output, Mapping):
        return type(output)(**{key: copied(value) for key, value in output.items()})
    if isinstance(output, tuple) and hasattr(output, "_fields"):
        return type(output)(*map(copied, output))
    return type(output)(map(copied, output)) if isinstance(output, list | tuple) else output


def tensors(output: Any, rows: int) -> list[Tensor]:
    """Return the tensors that `mapped` would change, in its order."""
    found: list[Tensor] = []
    mapped(lambda x: (found.append(x), x)[1], output, rows)  # type: ignore[func-returns-value]
    return found


def zeroed(output: Any, rows: int) -> Any:
    """Return an output whose numbers are 0; what is not floating point (masks, indices) stays."""
    return mapped(lambda x: torch.zeros_like(x) if x.is_floating_point() else x, output, rows)


def permuted(outputs: Sequence[Any], rows: Sequence[int], generator: torch.Generator) -> list[Any]:
    """Give every sample another sample's output: one random cycle through all samples whose outputs have the same shape."""
    alike: dict[tuple[torch.Size, ...], list[int]] = {}
    for n, output in enumerate(outputs):
        alike.setdefault(tuple(x.shape[1:] for x in tensors(output, rows[n])), []).append(n)
    made = list(outputs)
    for batches in alike.values():
        sizes = [rows[n] for n in batches]
        order = cycle(sum(sizes), generator)
        columns = zip(*(tensors(outputs[n], rows[n]) for n in batches), strict=True)
        parts = [torch.split(torch.cat(column)[order.to(column[0].device)], sizes) for column in columns]
        for n, *own in zip(batches, *parts, strict=True):
            made[n] = mapped(lambda x, own=own: own.pop(0), outputs[n], rows[n])  # type: ignore[misc]
    return made


def cycle(n: int, generator: torch.Generator) -> Tensor:
    """Return an order (n,) that leaves nobody in place, where n is 2 or more."""
    ring = torch.randperm(n, generator=generator)
    order = torch.empty_like(ring)
    order[ring] = ring.roll(1)
    return order
