"""Several processes that train together: how many there are, and what they sum."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import torch
import torch.distributed as dist
from torch import Tensor, nn

Key = tuple[str, str]
Look = tuple[tuple[int, ...], torch.dtype]
Layout = dict[Key, Look]
"""(Name of a monitor, key of its evidence) -> shape and dtype, as all ranks agreed: who has none of it sends zeros."""


def ranks() -> int:
    """Return the number of processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def replicas(parameter: nn.Parameter) -> int:
    """Return on how many ranks each piece of a parameter lies: on all of them under DDP, on one where it is sharded."""
    mesh = getattr(parameter, "device_mesh", None)
    if mesh is None:
        return ranks()
    shards = [int(mesh.size(n)) for n, p in enumerate(getattr(parameter, "placements", ())) if p.is_shard()]
    return ranks() // math.prod(shards)


def local(tensor: Tensor) -> Tensor:
    """Return this rank's shard of a DTensor, as FSDP2 makes them; any other tensor as it is."""
    shard: Tensor = tensor.to_local() if hasattr(tensor, "to_local") else tensor
    return shard


def placed(tensor: Tensor, like: nn.Parameter) -> Tensor:
    """Return a tensor as a parameter lies: on its device, and sharded as it is, where the tensor is whole."""
    tensor = tensor.to(like.device)
    mesh = getattr(like, "device_mesh", None)
    if mesh is None or hasattr(tensor, "device_mesh"):
        return tensor
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(tensor, mesh, getattr(like, "placements", None))


def wide(number: Tensor) -> Tensor:
    """Return a tensor in the widest float that its device has."""
    return number.float() if number.device.type == "mps" else number.double()


def real(tensor: Tensor) -> Tensor:
    """Return complex numbers as pairs of real ones, in a last axis more; any other tensor as it is."""
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def summed(
    numbers: Tensor, told: Mapping[Key, Tensor], names: Collection[str], layout: Layout
) -> tuple[list[float], dict[Key, Tensor]]:
    """Return numbers (N,), on the host, and what the monitors in `names` told, both summed over ranks in one reduction.

    What no rank told is left out. What some rank tells for the first time is added to `layout`, at the cost of a second
    reduction in that update; ranks that disagree on its shape all raise ValueError.
    """
    keys = [key for key in layout if key[0] in names]
    known = {key: t for key, t in told.items() if layout.get(key) == _look(t)}
    here = [*(float(key in known) for key in keys), float(len(told) - len(known))]
    total = _total(torch.cat([numbers, numbers.new_tensor(here)]), keys, known, layout)
    floats = total[: len(numbers) + len(here)].tolist()
    *counts, unknown = floats[len(numbers) :]
    found = _parts(total[len(floats) :], keys, layout)
    found = {key: found[key] for key, count in zip(keys, counts, strict=True) if count}
    if unknown:
        found |= _introduced({key: t for key, t in told.items() if key not in known}, layout, numbers)
    return floats[: len(numbers)], found


def _introduced(new: Mapping[Key, Tensor], layout: Layout, numbers: Tensor) -> dict[Key, Tensor]:
    looks: list[dict[Key, Look]] = [{}] * ranks()
    dist.all_gather_object(looks, {key: _look(t) for key, t in new.items()})
    keys = list(dict.fromkeys(key for rank in looks for key in rank))
    for rank, rank_looks in enumerate(looks):
        for (name, key), look in rank_looks.items():
            if layout.setdefault((name, key), look) != look:
                raise ValueError(
                    f"monitor {name!r}: {key!r} has shape {look[0]}, {look[1]} on rank {rank}, but {layout[name, key][0]}, "
                    f"{layout[name, key][1]} before or on another rank: a modality's feature must keep its size"
                )
    return _parts(_total(numbers[:0], keys, new, layout), keys, layout)


def _total(head: Tensor, keys: list[Key], told: Mapping[Key, Tensor], layout: Layout) -> Tensor:
    filled = [told[key].to(head) if key in told else head.new_zeros(layout[key][0]) for key in keys]
    vector = torch.cat([head, *(t.flatten() for t in filled)])
    dist.all_reduce(vector)
    return vector


def _parts(vector: Tensor, keys: list[Key], layout: Layout) -> dict[Key, Tensor]:
    looks = [layout[key] for key in keys]
    pieces = torch.split(vector, [math.prod(shape) for shape, _ in looks])
    return {key: piece.view(shape).to(dtype) for key, piece, (shape, dtype) in zip(keys, pieces, looks, strict=True)}


def _look(tensor: Tensor) -> Look:
    return tuple(tensor.shape), tensor.dtype
