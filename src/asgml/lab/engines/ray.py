"""Cells as tasks of a Ray cluster."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from asgml.lab import engine, loopback
from asgml.lab.engines import remote
from asgml.lab.engines._optional import package


class Ray:
    """Asks a cluster for a CPU per thread and `gpus` GPUs per cell; Ray shows a cell its own GPUs alone.

    `address` is what `ray.init` takes; None: the cluster that Ray finds by itself, else a new one on this machine.
    """

    def __init__(self, address: str | None, gpus: int = 0):
        loopback.keep_ray_here(address)
        self._address, self._gpus, self._package = address, gpus, package("ray")

    @cached_property
    def _ray(self) -> Any:
        with self._package.connecting(self._address) as ray, _our_signals():
            ray.init(address=self._address, log_to_driver=False, logging_level="ERROR", include_dashboard=False)
        return ray

    def ready(self, threads: int) -> bool:
        """Whether cells can be submitted; the queue is Ray's."""
        return bool(self._ray.is_initialized())

    def start(self, task: engine.Task) -> Task:
        """Submit a cell."""
        run = self._ray.remote(num_cpus=task.threads * task.processes, num_gpus=self._gpus, max_retries=0)(remote.run)
        return Task(task.folder, self._ray, run.remote(*remote.submitted(task)))

    def close(self) -> None:
        """Leave the cluster; one that was started for this ends."""
        if "_ray" in vars(self):
            self._ray.shutdown()


@contextlib.contextmanager
def _our_signals() -> Iterator[None]:
    """Put back what `ray.init` makes of SIGTERM: here a signal ends the cells, and then the run."""
    ours = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, ours)


class Task(remote.Remote):
    """A cell in Ray's hands."""

    def __init__(self, folder: Path, ray: Any, reference: Any):
        super().__init__(folder)
        self._ray, self._reference = ray, reference

    def _ended(self) -> bool:
        return bool(self._ray.wait([self._reference], timeout=0)[0])

    def _code(self) -> int:
        return int(self._ray.get(self._reference))

    def strike(self, number: int) -> None:
        """End the worker; the cell, whose standard input it holds, ends with it."""
        if not self._ended():
            self._ray.cancel(self._reference, force=True)
            self._mark.unlink(missing_ok=True)
