"""Cells as tasks of a Dask cluster, which dask-jobqueue gives on Slurm, PBS, LSF and others."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from asgml.lab import engine
from asgml.lab.engines import remote
from asgml.lab.engines._optional import package


def run(folder: str, where: str, threads: int, processes: int) -> int:
    """Run a cell in a worker, for as long as the scheduler wants it: not after a cancellation, or once the client is gone."""
    from distributed.worker import get_worker, thread_state

    tasks, key = get_worker().state.tasks, thread_state.key
    return remote.run(folder, where, threads, processes, lambda: key in tasks and tasks[key].state != "cancelled")


class Dask:
    """Runs a cell in each thread of each worker, or in each `gpus` of the resource "GPU" that workers were started with.

    `address` is a scheduler's, or the `.json` file that `dask scheduler --scheduler-file` wrote; None: a new cluster on this
    machine.
    """

    def __init__(self, address: str | None, gpus: int = 0):
        self._address, self._package = address, package("distributed", extra="dask")
        self._resources = {"GPU": gpus} if gpus else None

    @cached_property
    def _client(self) -> Any:
        with self._package.connecting(self._address) as distributed:
            if self._address is None:
                return distributed.Client(threads_per_worker=1, dashboard_address=None)
            if self._address.endswith(".json"):
                return distributed.Client(json.loads(Path(self._address).read_text())["address"], timeout=30)
            return distributed.Client(self._address, timeout=30)

    def ready(self, threads: int) -> bool:
        """Whether cells can be submitted; the queue is Dask's."""
        return self._client is not None

    def start(self, task: engine.Task) -> Task:
        """Submit a cell."""
        wanted = remote.submitted(task)
        return Task(task.folder, self._client.submit(run, *wanted, pure=False, resources=self._resources))

    def close(self) -> None:
        """Leave the cluster; one that was started for this ends."""
        if "_client" in vars(self):
            self._client.close()


class Task(remote.Remote):
    """A cell in Dask's hands."""

    def __init__(self, folder: Path, future: Any):
        super().__init__(folder)
        self._future = future

    def _ended(self) -> bool:
        return bool(self._future.done())

    def _code(self) -> int:
        return int(self._future.result())

    def strike(self, number: int) -> None:
        """Cancel it; the worker then ends the cell."""
        self._future.cancel(force=True)
