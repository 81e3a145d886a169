"""From numbers on the device, on several ranks, to numbers on the host: one reduction and one transfer per update."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import torch
import torch.distributed as dist
from torch import Tensor, nn

from asgml._step import Readings, Step
from asgml.diagnostics import Diagnostic

Sums = dict[str, dict[str, Tensor]]
"""Name of a diagnostic -> key -> what its `evidence` said, summed over ranks."""


@dataclass(frozen=True)
class Exchanged:
    """What came out of an exchange, equal on all ranks."""

    readings: Readings
    finite: bool
    used: frozenset[str]
    sums: Sums = field(default_factory=dict)


def local_norm(parameters: Iterable[nn.Parameter]) -> Tensor | None:
    """Return the L2 norm over this rank's gradients, 0-dim float32 or float64, without a transfer; None where there is none."""
    grads = [_local(p.grad) for p in parameters if p.grad is not None]
    if not grads:
        return None
    wide = torch.float64 if all(g.dtype == torch.float64 for g in grads) else torch.float32
    norms: tuple[Tensor, ...] = torch._foreach_norm(grads, 2, wide)  # one kernel for all of them where the device has one
    total: Tensor = torch.linalg.vector_norm(torch.stack([n.to(grads[0].device) for n in norms]))
    return total


def _local(grad: Tensor) -> Tensor:
    if hasattr(grad, "to_local"):  # a DTensor, as FSDP2 makes them: this rank's shard
        grad = grad.to_local()
    return grad.coalesce().values() if grad.is_sparse else grad


def replicas(parameters: Iterable[nn.Parameter]) -> int:
    """Return on how many ranks each piece of these gradients lies: all of them under DDP, one where they are sharded."""
    world = dist.get_world_size()
    for parameter in parameters:
        if (mesh := getattr(parameter, "device_mesh", None)) is not None:
            placements = enumerate(getattr(parameter, "placements", ()))
            return world // math.prod(int(mesh.size(n)) for n, placement in placements if placement.is_shard())
    return world


def ranks() -> int:
    """Return the number of processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def exchange(due: Iterable[Diagnostic], step: Step) -> Exchanged:
    """Measure what is due; bring all numbers and the finite flag to the host in one transfer, reduced over ranks before it.

    A reading is the mean over the ranks whose batch used the modality; a norm of sharded gradients is put together.
    """
    measured = [(d, d.measure(step)) for d in due]
    if ranks() > 1:
        return _reduced(measured, step)
    readings = {d.name: values for d, values in measured}
    numbers = [v.detach() for values in readings.values() for v in values.values()]
    floats, finite = _to_host(numbers, list(step.norms.values()))
    left = iter(floats)
    on_host = Readings({name: {m: next(left) for m in values} for name, values in readings.items()})
    return Exchanged(on_host, finite, step.used, {d.name: dict(d.evidence(step)) for d, _ in measured} if finite else {})


def _to_host(numbers: list[Tensor], checked: list[Tensor]) -> tuple[list[float], bool]:
    together = [_wide(n) for n in (*numbers, *checked)]
    if not together:
        return [], True
    values = torch.stack([n.to(together[0].device) for n in together])
    flag = values[len(numbers) :].isfinite().all()[None].to(values.dtype)
    *floats, finite = torch.cat([values[: len(numbers)], flag]).tolist()
    return floats, bool(finite)


def _wide(number: Tensor) -> Tensor:
    return number.float() if number.device.type == "mps" else number.double()


def _reduced(measured: list[tuple[Diagnostic, Mapping[str, Tensor]]], step: Step) -> Exchanged:
    """Sum one vector over ranks: [value, weight] per diagnostic and modality, [used] per modality, [overflows], evidence."""
    modalities, device = list(step.params), next(iter(next(iter(step.params.values())).values())).device
    weights = {m: 1 / replicas(p.values()) for m, p in step.params.items()}
    pairs = [pair for d, values in measured for m in modalities for pair in _pair(d, values.get(m), weights[m], device)]
    used = [torch.tensor(float(m in step.used), device=device) for m in modalities]
    overflow = torch.stack([n.isfinite().logical_not() for n in step.norms.values()]).any() if step.norms else used[0] * 0
    evidence = {d.name: dict(d.evidence(step)) for d, _ in measured}
    flat = [t.flatten() for told in evidence.values() for t in told.values()]
    head = torch.stack([_wide(t) for t in (*pairs, *used, overflow)])
    vector = torch.cat([head, *[_wide(t) for t in flat]])
    dist.all_reduce(vector)
    floats = vector[: len(head)].tolist()
    readings, rest = _readings([d for d, _ in measured], modalities, floats)
    somebody = frozenset(m for m, n in zip(modalities, rest, strict=False) if n)
    return Exchanged(readings, rest[-1] == 0, somebody, _unflattened(evidence, vector[len(head) :]))


def _pair(diagnostic: Diagnostic, value: Tensor | None, weight: float, device: torch.device) -> tuple[Tensor, Tensor]:
    if value is None:
        return torch.zeros((), device=device), torch.zeros((), device=device)
    value, one = value.detach().to(device), torch.ones((), device=device)
    return (value.double().square() * weight, one) if diagnostic.is_norm else (value, one)


def _readings(due: list[Diagnostic], modalities: list[str], floats: list[float]) -> tuple[Readings, list[float]]:
    left, found = iter(floats), Readings()
    for diagnostic in due:
        totals = {m: (next(left), next(left)) for m in modalities}
        found[diagnostic.name] = {
            m: math.sqrt(total) if diagnostic.is_norm else total / n for m, (total, n) in totals.items() if n
        }
    return found, list(left)


def _unflattened(evidence: Sums, vector: Tensor) -> Sums:
    found: Sums = {}
    for name, told in evidence.items():
        found[name] = {}
        for key, tensor in told.items():
            found[name][key] = vector[: tensor.numel()].view_as(tensor).to(tensor.dtype)
            vector = vector[tensor.numel() :]
    return found
