"""Pickles that call, import, forge arrays or are torn: whoever reads one must read arrays, or refuse, and run nothing."""

import io
import os
import pickle
import pickletools
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from runner import Kind, Wrong


class Call:
    """Pickled as a call of `what` with `arguments`."""

    def __init__(self, what: Any, *arguments: Any, state: Any = None) -> None:
        self._made = (what, arguments, state)

    def __reduce__(self) -> Any:
        what, arguments, state = self._made
        return (what, arguments) if state is None else (what, arguments, state)


def _global(module: str, name: str, arguments: bytes = b"(S'touch ran'\ntR.") -> bytes:
    return f"c{module}\n{name}\n".encode() + arguments


def _array(state: Any, *arguments: Any) -> Call:
    make = np.zeros(1).__reduce__()[0]
    return Call(make, *(arguments or (np.ndarray, (0,), b"b")), state=state)


def _dumps(value: Any) -> bytes:
    return pickle.dumps(value, 2)


HOSTILE: Sequence[Callable[[], bytes]] = (
    lambda: _global("os", "system"),
    lambda: _global("posix", "system"),
    lambda: _global("builtins", "eval"),
    lambda: _global("builtins", "exec"),
    lambda: _global("builtins", "getattr"),
    lambda: _global("numpy", "load"),
    lambda: _global("numpy", "memmap"),
    lambda: _global("subprocess", "Popen"),
    lambda: _global("numpy", "fromfile"),
    lambda: _global("collections", "OrderedDict", b"."),
    lambda: _global("numpy", "ndarray", b"."),
    lambda: _dumps(Call(np.ndarray, (4,), "O", b"\x41" * 32)),
    lambda: _dumps(Call(np.ndarray, (2**40,), "f8")),
    lambda: _dumps(Call(np.dtype, "O")),
    lambda: _dumps(Call(np.dtype, [("a", "O")])),
    lambda: _dumps(_array((1, (4,), np.dtype("O"), False, b"\x41" * 32))),
    lambda: _dumps(_array((1, (2**50,), np.dtype("f8"), False, b""))),
    lambda: _dumps(_array((1, (-1,), np.dtype("f8"), False, b"12345678"))),
    lambda: _dumps(_array((1, (4,), np.dtype("f8"), False, b"12"))),
    lambda: _dumps(_array((1, (4,), np.dtype([("x", "f8")]), False, b"1" * 32))),
    lambda: _dumps(np.array([Call(os.getcwd)], dtype=object)),
    lambda: _dumps(_array(None, np.ndarray, (0,), b"O")),
    lambda: _dumps(_array((1, (1,), np.dtype("M8[s]"), False, b"1" * 8))),
    lambda: _dumps(Call(np.dtype, "f8", False, True, state=(3, "<", None, ("a",), {"a": (np.dtype("O"), 100)}, 8, 1, 0))),
    lambda: b"\x80\x04" + b"(" * 100000 + b".",
    lambda: b"\x80\x04]" + b"]" * 50000 + b"a" * 50000 + b".",
    lambda: b"\x80\x04\x8e" + b"\xff" * 8 + b"x.",
    lambda: b"\x80\x04\x8a\xff" + b"\xff" * 255 + b".",
    lambda: b"\x80\x05\x97.",
    lambda: b"\x80\x04\x82\x01.",
    lambda: b"Pabc\n.",
    lambda: _dumps({"train": 3}),
    lambda: _dumps([]),
    lambda: _dumps({"train": {"text": np.zeros(3)}}),
)
"""Made by hand."""


def good() -> bytes:
    """A small pickle of the MMSA toolkit's layout."""

    def part(n: int) -> dict[str, Any]:
        rows = {name: np.ones((n, 3, 2), dtype=np.float32) for name in ("text", "audio", "vision")}
        return {**rows, "regression_labels": np.linspace(-1, 1, n), "id": [f"v$_${i}" for i in range(n)]}

    return pickle.dumps({"train": part(9), "valid": part(4), "test": part(5)})


def within(content: bytes) -> bytes:
    """A mapping that has what this pickle makes in the place of every array."""
    held = content.removeprefix(b"\x80\x02").removesuffix(b".")
    keys = (b"text", b"audio", b"vision", b"regression_labels")
    pairs = b"".join(b"X" + len(key).to_bytes(4, "little") + key + held + b"s" for key in keys)
    return b"\x80\x02}X\x05\0\0\0train}" + pairs + b"s."


def spoilt(rng: random.Random) -> bytes:
    """A good one with some bytes changed, cut, or an opcode exchanged."""
    content = bytearray(good())
    places = [at for _, _, at in pickletools.genops(bytes(content))]
    for _ in range(rng.choice((1, 1, 2, 5))):
        match rng.randrange(3):
            case 0:
                content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            case 1:
                content[rng.choice(places)] = rng.choice([ord(op.code) for op in pickletools.opcodes])
            case 2:
                del content[rng.randrange(len(content)) :][: rng.randrange(1, 20)]
    return bytes(content)


def prepare(folder: Path) -> None:
    """Import what reads them."""
    import asgml.lab.datasets.mosi  # noqa: F401


def case(rng: random.Random, folder: Path, shared: Any) -> None:
    """Read one as `mosi` does: arrays, or words."""
    from asgml.lab.datasets import mosi
    from asgml.lab.datasets.settings import Mosi
    from asgml.lab.errors import InputError

    content = rng.choice(HOSTILE)() if rng.random() < 0.7 else spoilt(rng)
    content = within(content) if rng.random() < 0.5 else content
    path = folder / "x.pkl"
    path.write_bytes(content)
    try:
        data = mosi.prepare(Mosi(name="mosi", path=path), 0, {"x.pkl": content})
        np.savez(io.BytesIO(), allow_pickle=False, **data.train.inputs)
    except InputError as error:
        if len(str(error)) > 1000:
            raise Wrong(f"{len(str(error))} characters: {str(error)[:100]}") from error
    if ran := [p.name for p in folder.iterdir() if p != path]:
        raise Wrong(f"something was run: {ran}")


KIND = Kind("pickles", 60, prepare, case)
