"""The GPUs of this machine, so that no two cells share one."""

from __future__ import annotations

import os
import subprocess

from asgml.lab.errors import InputError

VARIABLE = "CUDA_VISIBLE_DEVICES"


class Pool:
    """Hands out `each` GPUs at a time; with 0 nothing is handed out, and cells see what this process sees."""

    def __init__(self, each: int = 0):
        self._each, self._free = each, visible() if each else []
        if len(self._free) < each:
            raise InputError(f"--gpus-per-cell: must be at most the GPUs of this machine, {len(self._free)}, found {each}")

    @property
    def ready(self) -> bool:
        """Whether `take` can be called."""
        return len(self._free) >= self._each

    def take(self) -> dict[str, str]:
        """Return the variables that show a cell its GPUs alone."""
        taken, self._free = self._free[: self._each], self._free[self._each :]
        return {VARIABLE: ",".join(taken)} if taken else {}

    def give_back(self, variables: dict[str, str]) -> None:
        """Take back what `take` returned."""
        self._free += [gpu for gpu in variables.get(VARIABLE, "").split(",") if gpu]


def visible() -> list[str]:
    """Return the GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` or else the driver's tool names them."""
    if (set_to := os.environ.get(VARIABLE)) is not None:
        return [gpu.strip() for gpu in set_to.split(",") if gpu.strip()]
    command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    except (OSError, subprocess.SubprocessError):
        return []
