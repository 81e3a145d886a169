"""The processes that train one cell together: each takes its share of every batch; the first one scores and writes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from asgml.lab import loopback
from asgml.lab.config import Train
from asgml.lab.errors import InputError
from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.training.device import device_of
from asgml.lab.training.objectives import Objective

PATIENCE = timedelta(days=7)
"""How long one process waits for another: after every epoch all others wait until the first one has scored."""


@contextmanager
def together(train: Train) -> Iterator[None]:
    """Join the processes that torchrun started beside this one; with `train.processes` of 1 there are none.

    Raises:
        InputError: there are not as many processes, or GPUs, as the settings say.
    """
    if train.processes == 1:
        yield
        return
    wanted, found = train.processes, int(os.environ.get("WORLD_SIZE", 1))
    if found != wanted:
        raise InputError(f"`train.processes`: is {wanted}, but {found} of them started; start the cell with asgml run, or with "
                         f"torchrun --standalone --nproc-per-node {wanted} -m asgml.lab.trial CELL")  # fmt: skip
    gpu = device_of(train).type == "cuda"
    if gpu and (there := torch.cuda.device_count()) < wanted:
        raise InputError(f"`train.processes`: must be at most the GPUs that the cell sees, {there}, found {wanted}; "
                         f"give each cell as many with --gpus-per-cell {wanted}")  # fmt: skip
    if gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    how = "cpu:gloo,cuda:nccl" if gpu else "gloo"
    if place := os.environ.get(loopback.MEETING):  # started by us: through a file, and no port
        store = dist.FileStore(place, wanted)  # type: ignore[attr-defined]
        dist.init_process_group(how, store=store, rank=int(os.environ["RANK"]), world_size=wanted, timeout=PATIENCE)
    else:
        dist.init_process_group(how, timeout=PATIENCE)
    yield
    dist.destroy_process_group()  # not after an error: it might wait for a process that is gone


def count() -> int:
    """Return the number of processes."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def first() -> bool:
    """Whether this process scores and writes."""
    return count() == 1 or dist.get_rank() == 0


def own() -> tuple[str | int, ...]:
    """Return what sets this process's random draws apart from the others'; empty where there are none."""
    return () if count() == 1 else ("rank", dist.get_rank())


def share(rows: Tensor) -> Tensor:
    """Return the rows (B,) of a batch that are this process's."""
    return rows if count() == 1 else rows[dist.get_rank() :: count()]


def mean(value: Tensor) -> float:
    """Return the mean of a 0-dim tensor over all processes."""
    if count() == 1:
        return value.item()
    return total(value.item()) / count()


def total(value: float) -> float:
    """Return the sum of a number over all processes."""
    if count() == 1:
        return value
    dist.all_reduce(summed := torch.tensor(value, dtype=torch.float64))
    return summed.item()


class Whole(nn.Module):
    """Model and objective in one: (inputs, targets) -> 0-dim loss."""

    def __init__(self, model: LateFusion, objective: Objective):
        super().__init__()
        self.model, self.objective = model, objective

    def forward(self, inputs: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        """Return the loss of a batch."""
        logits, features = self.model(inputs)
        loss: Tensor = self.objective(logits, features, targets)
        return loss


def parallel(model: LateFusion, objective: Objective) -> nn.Module:
    """Return both in one, with gradients that are means over all processes."""
    whole = Whole(model, objective)
    return whole if count() == 1 else DistributedDataParallel(whole, find_unused_parameters=True)
