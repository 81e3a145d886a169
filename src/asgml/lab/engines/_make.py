"""From the words of the command line to an engine."""

from __future__ import annotations

from typing import Literal

from asgml.lab import engine, gpus
from asgml.lab.engines import dask, ray
from asgml.lab.errors import InputError
from asgml.lab.launch import NURSERY, Launcher

Name = Literal["local", "ray", "dask"]


def make(name: Name = "local", address: str | None = None, gpus_per_cell: int = 0) -> engine.Engine:
    """Return the engine; a cluster is connected to when the first cell starts.

    Raises:
        InputError: the engine is not installed, has no address to take, or there are too few GPUs here.
    """
    if gpus_per_cell < 0:
        raise InputError(f"--gpus-per-cell: must be 0 or more, found {gpus_per_cell}")
    if name == "local":
        if address:
            raise InputError(f"--address: must be given with --engine ray or dask only, found {address!r}")
        return Launcher(engine.trial, NURSERY, gpus.Pool(gpus_per_cell))
    cluster = ray.Ray if name == "ray" else dask.Dask
    return cluster(address, gpus_per_cell)
