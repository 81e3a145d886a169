"""`model.safetensors`: tensors, what tells how to build their model, and a checksum over every byte."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from asgml.lab import memory, store
from asgml.lab.errors import InputError
from asgml.lab.files import read_bytes

ABOUT, SUM = "asgml", "sha256"
EMPTY = "0" * 64
"""What stands in the place of the checksum while it is computed."""


def write(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write the file, whole or not at all; its metadata are `asgml`, which is `about` as JSON, and `sha256`."""
    data = _with_place(safetensors.torch.save(dict(tensors), {ABOUT: json.dumps(about, allow_nan=False)}))
    store.write_atomic(path, data.replace(_field(EMPTY), _field(_digest(data, EMPTY)), 1))


def read(path: Path, look: Callable[[dict[str, Any]], None]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return `about` and the tensors. `look` sees `about` first, then the checksum is compared.

    Files of earlier versions have no checksum, and are taken as they are.

    Raises:
        InputError: the file is not what was written, or none of asgml's.
    """
    data = read_bytes(path)
    try:
        tensors = safetensors.torch.load(data)
        metadata = _header(data)["__metadata__"]
        about = json.loads(metadata[ABOUT])
    except Exception as error:  # what is damaged fails in many ways
        if memory.lacked(error):
            raise
        raise _damaged(path, "it is cut off, or no file that asgml wrote") from error
    look(about)
    kept = metadata.get(SUM)
    if kept is not None and _digest(data, kept) != kept:
        raise _damaged(path, "its checksum is another than when it was written")
    return about, tensors


def _damaged(path: Path, problem: str) -> InputError:
    way = f"copy it anew, or remove {path.parent}, and the same asgml run trains the cell again"
    return InputError(f"{path} is damaged: {problem}; {way}")


def _header(data: bytes) -> dict[str, Any]:
    """Return a safetensors file's JSON: eight bytes say how long it is, and the tensors follow."""
    found: dict[str, Any] = json.loads(data[8 : _end(data)])
    return found


def _end(data: bytes) -> int:
    return 8 + int.from_bytes(data[:8], "little")


def _with_place(data: bytes) -> bytes:
    """Return the file with a place for the checksum as its last metadata: safetensors itself puts several in any order."""
    header = _header(data)
    header["__metadata__"][SUM] = EMPTY
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of eight
    return len(text).to_bytes(8, "little") + text + data[_end(data) :]


def _field(digest: str) -> bytes:
    return f'"{SUM}":"{digest}"'.encode()


def _digest(data: bytes, kept: str) -> str:
    """Return the sha256 of the file with `EMPTY` in the place of its checksum."""
    found = hashlib.sha256(data[: _end(data)].replace(_field(kept), _field(EMPTY), 1))
    found.update(memoryview(data)[_end(data) :])
    return found.hexdigest()
