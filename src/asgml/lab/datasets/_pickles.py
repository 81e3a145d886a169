"""Reads a pickle that may hold numbers, words, plain containers and numpy arrays, and refuses everything else by name."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from asgml.lab.errors import InputError


def _latin1(text: str, encoding: str) -> bytes:
    """What old pickles call to make bytes; no other encoding is looked up."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"bytes are written as {encoding!r}, must be latin1")
    return text.encode("latin1")


NUMPY = {
    "multiarray": {"_reconstruct": np.zeros(1).__reduce__()[0], "scalar": np.float64(0).__reduce__()[0]},
    "numeric": {"_frombuffer": np.zeros(1).__reduce_ex__(5)[0]},
}
"""What numpy's own pickles name, wherever a version of it keeps that."""
ADMITTED: Mapping[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("collections", "OrderedDict"): OrderedDict,
    ("builtins", "set"): set,
    ("__builtin__", "set"): set,
    ("_codecs", "encode"): _latin1,
    **{(f"numpy.{core}.{module}", name): part for core in ("core", "_core") for module, parts in NUMPY.items()
       for name, part in parts.items()},
}  # fmt: skip
"""Module and name, as a pickle writes them -> what it gets."""


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, and only arrays and plain values are admitted")
        return ADMITTED[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it refers to objects outside of itself")


def loads(path: Path, content: bytes) -> Any:
    """Return what a pickle with this content holds. InputError, with `path`, where it is damaged or asks for anything else."""
    try:
        return _Reader(io.BytesIO(content)).load()
    except Exception as error:  # a damaged pickle fails in many ways
        raise InputError(f"{path}: cannot be read as a pickle of arrays: {error}") from error
