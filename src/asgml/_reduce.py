"""From numbers on the device, on several ranks, to numbers on the host: one reduction and one transfer per update."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from asgml._ranks import Key, Layout, local, ranks, real, replicas, summed, wide
from asgml._sift import Place, learnable, sifted
from asgml._step import Readings, Step
from asgml.monitors import Monitor

Sums = dict[str, dict[str, Tensor]]
"""Name of a monitor -> key -> what its `evidence` said, summed over ranks."""
Measured = tuple[Monitor, Mapping[str, Tensor]]
Admitted = Mapping[Place, Tensor]
Cell = tuple[Monitor, str, Tensor | None]


@dataclass(frozen=True)
class Exchanged:
    """What came out of an exchange, equal on all ranks."""

    readings: Readings
    finite: bool
    used: frozenset[str]
    sums: Sums = field(default_factory=dict)
    spoilt: set[Place] = field(default_factory=set)
    """Who was left out of this update, because something was not finite."""


def local_norm(parameters: Iterable[nn.Parameter]) -> Tensor | None:
    """Return the L2 norm over this rank's gradients, 0-dim float32 or float64, without a transfer; None where there is none.

    A gradient that lies on a frozen parameter, as an optimizer leaves it that no longer holds the parameter, is none.
    """
    grads = [_local(p.grad) for p in parameters if p.grad is not None and p.requires_grad]
    if not grads:
        return None
    wide = torch.float64 if all(g.dtype == torch.float64 for g in grads) else torch.float32
    norms: tuple[Tensor, ...] = torch._foreach_norm(grads, 2, wide)  # one kernel for all of them where the device has one
    total: Tensor = torch.linalg.vector_norm(torch.stack([n.to(grads[0].device) for n in norms]))
    return total


def _local(grad: Tensor) -> Tensor:
    shard = local(grad)
    return real(shard.coalesce().values() if shard.is_sparse else shard)


def exchange(due: Sequence[Monitor], step: Step, layout: Layout) -> Exchanged:
    """Measure what is due; bring all numbers and the finite flag to the host in one transfer, reduced over ranks before it.

    A reading is the mean over the ranks whose batch used the modality, each weighted by its rows; a norm of sharded
    gradients is put together from the shards'. `layout` remembers what evidence looks like (`_ranks.summed`).
    """
    measured = [(d, d.measure(step)) for d in due]
    admitted = {(d.name, m): rows for d, _ in measured for m, rows in d.admits(step).items()}
    if ranks() > 1:
        return _reduced(measured, admitted, step, layout)
    readings = {d.name: values for d, values in measured}
    numbers = [v for values in readings.values() for v in values.values()]
    floats, finite = _to_host([n.detach() for n in (*numbers, *admitted.values())], list(step.norms.values()))
    left = iter(floats)
    on_host = Readings({name: {m: next(left) for m in values} for name, values in readings.items()})
    out, spoilt = sifted(on_host, dict(zip(admitted, left, strict=True)), due, step)
    told = {d.name: learnable(d.name, d.evidence(step), out) for d, _ in measured} if finite else {}
    return Exchanged(on_host, finite, step.used, told, spoilt)


def _to_host(numbers: list[Tensor], checked: list[Tensor]) -> tuple[list[float], bool]:
    together = [wide(n) for n in (*numbers, *checked)]
    if not together:
        return [], True
    values = torch.stack([n.to(together[0].device) for n in together])
    flag = values[len(numbers) :].isfinite().all()[None].to(values.dtype)
    *floats, finite = torch.cat([values[: len(numbers)], flag]).tolist()
    return floats, bool(finite)


def _reduced(measured: list[Measured], admitted: Admitted, step: Step, layout: Layout) -> Exchanged:
    """Sum over ranks, by monitor and modality: a weight, whether `admits` tells of it, the value, and what is admitted.

    Also who was used, and how many norms overflow.
    """
    told = {(d.name, key): t.detach() for d, _ in measured for key, t in d.evidence(step).items()}
    cells = [(d, m, values.get(m)) for d, values in measured for m in step.params]
    weights = [0.0 if value is None else _weight(d, m, step) for d, m, value in cells]
    known = [float((d.name, m) in admitted) for d, m, _ in cells]
    counts = wide(torch.tensor([*weights, *known, *(float(m in step.used) for m in step.params)], device=_device(step)))
    rows = [admitted[d.name, m].detach().to(counts) if (d.name, m) in admitted else counts.new_zeros(()) for d, m, _ in cells]
    weighed = [r if n and w else counts[i] for i, (r, n, w) in enumerate(zip(rows, known, weights, strict=True))]
    values = [_weighted(d, v, weight) for (d, _, v), weight in zip(cells, weighed, strict=True)]
    overflows = [norm.isfinite().logical_not().to(counts) for norm in step.norms.values()]
    tail = torch.stack([*weighed, *values, *rows, torch.stack([counts.new_zeros(()), *overflows]).sum()])
    floats, found = summed(torch.cat([counts[len(cells) :], tail]), told, {d.name for d, _ in measured}, layout)
    return _put_together(cells, floats, _by_name(measured, found), step)


def _put_together(cells: list[Cell], floats: list[float], told: Sums, step: Step) -> Exchanged:
    left = iter(floats)
    known, used = [next(left) for _ in cells], frozenset([m for m in step.params if next(left)])
    weights, totals, rows = ([next(left) for _ in cells] for _ in range(3))
    readings = _means(cells, weights, totals)
    admitted = {(d.name, m): n for (d, m, _), n, told_of in zip(cells, rows, known, strict=True) if told_of}
    out, spoilt = sifted(readings, admitted, [d for d, _, _ in cells], step)
    return Exchanged(readings, next(left) == 0, used, {name: learnable(name, sums, out) for name, sums in told.items()}, spoilt)


def _device(step: Step) -> torch.device:
    """Return where reductions happen: the parameters' device, the same on every rank."""
    parameters = (p for named in step.params.values() for p in named.values())
    return next((p.device for p in parameters), torch.device("cpu"))


def _weight(monitor: Monitor, modality: str, step: Step) -> float:
    """Return what a rank's number counts: its rows, or, of a norm's square, its share among the ranks that hold the same."""
    if monitor.is_norm:
        return 1 / max(map(replicas, step.params[modality].values()))
    feature = step.features.get(modality)
    return 1.0 if feature is None or not feature.ndim else float(len(feature))


def _weighted(monitor: Monitor, value: Tensor | None, weight: Tensor) -> Tensor:
    if value is None:
        return weight.new_zeros(())
    value = value.detach().to(weight)
    return torch.where(weight > 0, (value.square() if monitor.is_norm else value) * weight, 0)


def _means(cells: list[Cell], weights: list[float], totals: list[float]) -> Readings:
    found = Readings()
    for (monitor, modality, _), weight, total in zip(cells, weights, totals, strict=False):
        found.note(monitor.name, {})
        if weight:
            found.note(monitor.name, {modality: math.sqrt(total) if monitor.is_norm else total / weight})
    return found


def _by_name(measured: list[Measured], found: Mapping[Key, Tensor]) -> Sums:
    return {d.name: {key: t for (name, key), t in found.items() if name == d.name} for d, _ in measured}
