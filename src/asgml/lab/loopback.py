"""Processes of one machine that talk to each other: on its loopback device alone, unless the user says otherwise."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

MEETING = "ASGML_MEETING"
"""The variable that names the file by which the processes of a cell find each other: no port is opened for that."""
RAY = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""With 0 Ray takes 127.0.0.1 for its own address, and listens there alone."""
RAY_RUNS = Path(os.environ.get("RAY_TMPDIR", "/tmp")) / "ray" / "ray_current_cluster"
"""Is there while a cluster of Ray's runs on this machine."""


def meeting(processes: int) -> tuple[dict[str, str], Callable[[], None]]:
    """Return the variables that torchrun and its processes need to meet through files, and what removes these at the end.

    What the user has set in the environment stays as it is: who names a network device wants another than loopback.
    """
    if processes == 1:
        return {}, lambda: None
    place = tempfile.mkdtemp(prefix="asgml-")
    device = "lo0" if sys.platform == "darwin" else "lo"
    wanted = {
        MEETING: f"{place}/cells",
        "PET_RDZV_BACKEND": "c10d",
        "PET_RDZV_CONF": "store_type=file",
        "PET_RDZV_ENDPOINT": f"{place}/agents",
        "PET_RDZV_ID": uuid.uuid4().hex,
        "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
        "GLOO_SOCKET_IFNAME": device,
        "NCCL_SOCKET_IFNAME": device,
    }
    return _unset(wanted), lambda: shutil.rmtree(place, ignore_errors=True)


def _unset(wanted: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in wanted.items() if name not in os.environ}


def keep_ray_here(address: str | None) -> None:
    """Before Ray is imported: let a cluster that it starts itself listen on loopback alone; one that runs is joined as ever."""
    own = address == "local" or (address is None and "RAY_ADDRESS" not in os.environ and not RAY_RUNS.exists())
    if own and "ray" not in sys.modules:
        os.environ.setdefault(RAY, "0")
