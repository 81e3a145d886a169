"""Reads a pickle that may hold numbers, words, plain containers and numpy arrays, and refuses everything else by name."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from asgml.lab.datasets._pickled import ADMITTED, Array, Bad, Kind, Token, mapping, set_of
from asgml.lab.errors import InputError

FRAMING = ("PROTO", "FRAME", "STOP", "MARK", "POP", "POP_MARK", "DUP")
NUMBERS = ("NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT")
WORDS = ("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8")
BYTES = ("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8")
TUPLES = ("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3")
CONTAINERS = ("EMPTY_LIST", "LIST", "APPEND", "APPENDS", "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS", "EMPTY_SET", "ADDITEMS")
AGAIN = ("GET", "BINGET", "LONG_BINGET", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE")
ARRAYS = ("GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD", "FROZENSET")
STEPS = (*FRAMING, *NUMBERS, *WORDS, *BYTES, *TUPLES, *CONTAINERS, *AGAIN, *ARRAYS)
"""All that plain values, containers and arrays are written with."""


class Reader(pickle._Unpickler):
    """Python's reader in Python, less every opcode that makes or changes anything but plain values, containers and arrays.

    The reader in C takes a file's word for sizes, and hashes keys of any depth.
    """

    stack: list[Any]
    append: Callable[[Any], None]
    pop_mark: Callable[[], list[Any]]
    read: Callable[[int], bytes]
    dispatch: ClassVar[dict[int, Any]] = {
        code: pickle._Unpickler.dispatch[code] for code in (ord(getattr(pickle, name)) for name in STEPS)
    }

    def __init__(self, content: bytes):
        super().__init__(io.BytesIO(content))
        self.size = len(content)

    def load(self) -> Any:
        """Return the value."""
        try:
            return super().load()
        except KeyError as error:  # the dispatch has no such opcode
            raise Bad(f"it holds a step that plain values do not need ({error})") from error

    def find_class(self, module: str, name: str) -> Any:
        """Return the token of this name."""
        if (module, name) not in ADMITTED:
            raise Bad(f"it asks for {module}.{name}, and only arrays and plain values are admitted")
        return ADMITTED[module, name]

    def load_reduce(self) -> None:
        """Call a token."""
        arguments, token = self.stack.pop(), self.stack.pop()
        if not isinstance(token, Token) or token.make is None or not isinstance(arguments, tuple):
            raise Bad(f"it calls {token.name if isinstance(token, Token) else type(token).__name__}, which stands for nothing")
        self.stack.append(token.make(*arguments))

    def load_build(self) -> None:
        """Complete a type or an array; nothing else has a second step."""
        state, made = self.stack.pop(), self.stack[-1]
        if not isinstance(made, Kind | Array):
            raise Bad(f"it changes a {type(made).__name__} that was made already")
        made.complete(state)

    def load_setitem(self) -> None:
        """Put one value into a mapping."""
        value, key = self.stack.pop(), self.stack.pop()
        self._put([key, value])

    def load_setitems(self) -> None:
        """Put values into a mapping."""
        self._put(self.pop_mark())

    def _put(self, items: list[Any]) -> None:
        _of(dict, self.stack[-1]).update(mapping(zip(items[::2], items[1::2], strict=True)))

    def load_dict(self) -> None:
        """Make a mapping of keys and values."""
        items = self.pop_mark()
        self.append(mapping(zip(items[::2], items[1::2], strict=True)))

    def load_bytearray8(self) -> None:
        """Read bytes that may change; memory is taken for those that are there, not for those that are promised."""
        promised = int.from_bytes(self.read(8), "little")
        if promised > self.size:
            raise Bad(f"it promises {promised} bytes and has {self.size}")
        self.append(bytearray(self.read(promised)))

    def load_append(self) -> None:
        """Put one value into a list."""
        value = self.stack.pop()
        _of(list, self.stack[-1]).append(value)

    def load_appends(self) -> None:
        """Put values into a list."""
        items = self.pop_mark()
        _of(list, self.stack[-1]).extend(items)

    def load_additems(self) -> None:
        """Put values into a set."""
        items = self.pop_mark()
        _of(set, self.stack[-1]).update(set_of(items))

    def load_frozenset(self) -> None:
        """Make a set that does not change."""
        self.append(frozenset(set_of(self.pop_mark())))

    for _name, _load in (
        (pickle.REDUCE, load_reduce),
        (pickle.BUILD, load_build),
        (pickle.SETITEM, load_setitem),
        (pickle.DICT, load_dict),
        (pickle.SETITEMS, load_setitems),
        (pickle.APPEND, load_append),
        (pickle.APPENDS, load_appends),
        (pickle.ADDITEMS, load_additems),
        (pickle.FROZENSET, load_frozenset),
        (pickle.BYTEARRAY8, load_bytearray8),
    ):
        dispatch[ord(_name)] = _load


def _of(kind: type, found: Any) -> Any:
    if type(found) is not kind:
        raise Bad(f"it puts values into a {type(found).__name__} as if it were a {kind.__name__}")
    return found


def loads(path: Path, content: bytes) -> Any:
    """Return what a pickle with this content holds. InputError, with `path`, where it is damaged or asks for anything else."""
    try:
        return Reader(content).load()
    except Exception as error:  # a damaged pickle fails in many ways
        from asgml.lab.media.failures import told

        words = "it ends before it is whole" if isinstance(error, EOFError) else str(error) or type(error).__name__
        raise InputError(f"{path}: cannot be read as a pickle of arrays: {words}{told(bytes(content[:1024]))}") from error
