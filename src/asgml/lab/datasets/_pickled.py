"""What a pickle of arrays gets for the names that it asks for: tokens, and arrays that are built here.

Nothing of numpy or of any other package is handed to a pickle: arrays are made of kinds, sizes and lengths that were checked.
"""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Bad = pickle.UnpicklingError
CODE = re.compile(r"[<>=|]?([biuf][1248]|[US][1-9]\d{0,8})")
"""How numpy writes the types that are admitted: `f4`, `U12`."""
KEYS = (str, bytes, int, float, np.generic, type(None))
"""What may be a key, or stand in a set; also in a tuple, one deep."""


class Token:
    """Stands for what a pickle asks for by name; `make` is what calling it does here, None where it may not be called."""

    __slots__ = ("make", "name")

    def __init__(self, name: str, make: Callable[..., Any] | None = None):
        self.name, self.make = name, make


class Kind:
    """A numpy type in the making: plain numbers or text, with the byte order that a second step gives."""

    def __init__(self, code: Any, *_: Any):
        if not isinstance(code, str) or CODE.fullmatch(code) is None:
            raise Bad(f"arrays must be plain numbers or text, found the type {repr(code)[:40]}; save such things as lists")
        self.dtype = np.dtype(code)

    def complete(self, state: Any) -> None:
        """Take over the byte order; whatever would make another type of it is refused."""
        if not isinstance(state, tuple) or not 5 <= len(state) <= 9 or any(part is not None for part in state[2:5]):
            raise Bad(f"arrays must be plain numbers or text, found parts in a type of {self.dtype}")
        if state[1] not in ("<", ">", "|", "=") or any(size not in (-1, self.dtype.itemsize) for size in state[5:6]):
            raise Bad(f"the type {self.dtype} is described in a way that contradicts itself")
        if state[1] != "|":
            self.dtype = self.dtype.newbyteorder(state[1])


class Array(np.ndarray[Any, Any]):
    """An array in the making: it is filled by a second step."""

    def complete(self, state: Any) -> None:
        """Take over shape and content, once they fit each other."""
        if not isinstance(state, tuple) or len(state) != 5:
            raise Bad("an array is described in a way that numpy does not use")
        _, shape, kind, by_column, content = state
        raw = _fitting(content, kind, shape)
        super().__setstate__((1, shape, kind.dtype, bool(by_column), raw))  # type: ignore[arg-type]


def _fitting(content: Any, kind: Any, shape: Any) -> bytes:
    """Return the bytes of an array whose type, shape and length agree."""
    if not isinstance(kind, Kind) or not isinstance(content, bytes | bytearray | str):
        raise Bad("an array must be bytes of plain numbers or text")
    if not isinstance(shape, tuple) or len(shape) > 32 or not all(type(n) is int and n >= 0 for n in shape):
        raise Bad(f"an array's shape must be whole numbers, found {repr(shape)[:60]}")
    raw = content.encode("latin1") if isinstance(content, str) else bytes(content)
    if math.prod(shape) * kind.dtype.itemsize != len(raw):
        raise Bad(f"an array of {kind.dtype} with the shape {repr(shape)[:60]} cannot have {len(raw)} bytes")
    _refuse_values(raw, kind.dtype)
    return raw


def _filled(content: Any, kind: Any, shape: Any) -> npt.NDArray[Any]:
    """Return the array of these bytes, flat."""
    raw = _fitting(content, kind, shape)
    return np.frombuffer(raw, dtype=kind.dtype) if raw else np.empty(0, kind.dtype)


def _refuse_values(raw: bytes, kind: np.dtype[Any]) -> None:
    """Bytes that are no truth value, or no character, are undefined for numpy and Python."""
    if kind.kind == "b" and raw and max(raw) > 1:
        raise Bad("an array of truth values holds others than 0 and 1")
    if kind.kind == "U":
        codes = np.frombuffer(raw, dtype=kind.str[0] + "u4") if raw else np.empty(0, np.uint32)
        if ((codes > 0x10FFFF) | ((codes >= 0xD800) & (codes < 0xE000))).any():
            raise Bad("an array of text holds what is no character")


def _empty(kind: Any, shape: Any, code: Any) -> Array:
    if not isinstance(kind, Token) or kind.name != "ndarray":
        raise Bad("only plain arrays are admitted")
    return np.empty(0, np.uint8).view(Array)


def _from_buffer(content: Any, kind: Any, shape: Any, order: Any, axes: Any = None) -> npt.NDArray[Any]:
    """Return what protocol 5 writes without a second step."""
    made = _filled(content, kind, shape).reshape(shape, order="F" if order == "F" else "C")
    return made if order != "K" or axes is None else made.transpose(axes)


def _scalar(kind: Any, content: Any) -> Any:
    return _filled(content, kind, (1,))[0]


def _latin1(text: Any, encoding: Any) -> bytes:
    """What old pickles call to make bytes; no other encoding is looked up."""
    if encoding not in ("latin1", "latin-1") or not isinstance(text, str):
        raise Bad(f"bytes are written as {repr(encoding)[:40]}, must be latin1")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """What old pickles call for bytes of no length."""
    return b""


def refuse_keys(keys: Iterable[Any]) -> None:
    """Keys must be plain values, so that their hash takes no time and no depth."""
    for key in keys:
        if not isinstance(key, KEYS) and not (isinstance(key, tuple) and all(isinstance(part, KEYS) for part in key)):
            raise Bad(f"keys must be words or numbers, found {type(key).__name__}")


def mapping(pairs: Any = ()) -> dict[Any, Any]:
    """Return the pairs as a mapping whose keys are plain values."""
    listed = [(key, value) for key, value in pairs]
    refuse_keys(key for key, _ in listed)
    return dict(listed)


def set_of(values: Any = ()) -> set[Any]:
    """Return a list's plain values as a set."""
    if not isinstance(values, list | tuple):
        raise Bad("a set must be made of a list")
    refuse_keys(values)
    return set(values)


NUMPY: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "multiarray": {"_reconstruct": _empty, "scalar": _scalar},
    "numeric": {"_frombuffer": _from_buffer},
}
"""What numpy's own pickles name, wherever a version of it keeps that."""
ADMITTED: Mapping[tuple[str, str], Token] = {
    ("numpy", "ndarray"): Token("ndarray"),
    ("numpy", "dtype"): Token("dtype", Kind),
    ("collections", "OrderedDict"): Token("OrderedDict", mapping),
    ("builtins", "set"): Token("set", set_of),
    ("__builtin__", "set"): Token("set", set_of),
    ("builtins", "bytes"): Token("bytes", _no_bytes),
    ("__builtin__", "bytes"): Token("bytes", _no_bytes),
    ("_codecs", "encode"): Token("encode", _latin1),
    **{
        (f"numpy.{core}.{module}", name): Token(name, make)
        for core in ("core", "_core")
        for module, parts in NUMPY.items()
        for name, make in parts.items()
    },
}
"""Module and name, as a pickle writes them -> what it gets."""
