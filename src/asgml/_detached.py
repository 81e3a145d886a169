"""What an encoder returned, of the same kind and without a gradient: what a skipped encoder hands on."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn

Memo = dict[int, Any]
PLAIN = (type(None), bool, int, float, complex, str, bytes, torch.Size, torch.dtype, torch.device)
CLOSED = (type, FunctionType, BuiltinFunctionType, MethodType, ModuleType)
"""They may have attributes, but none that a forward made."""
OWN = ("_parameters", "_modules", "_buffers")
"""What a module has of its own: weights are no output, also where a module is one."""


def detached(output: Any, memo: Memo | None = None) -> Any:
    """Return an encoder's output with every tensor in it detached, in containers and objects of the kinds that it has.

    What holds no tensor with a gradient is handed on as it is. Whatever is changed is a copy: the output itself stays.
    """
    if isinstance(output, Tensor):
        return output.detach() if output.requires_grad else output
    if isinstance(output, PLAIN):
        return output
    if type(output) in (dict, tuple, list) or _is_record(output):
        values = _values(output)
        after = [detached(value, memo) for value in values]
        return output if not torch.compiler.is_compiling() and _unchanged(values, after) else _rebuilt(output, after)
    return output if isinstance(output, CLOSED) else _other(output, {} if memo is None else memo)


def _is_record(output: Any) -> bool:
    """Tell whether it is a named tuple, or a model output of transformers: a mapping that is a dataclass."""
    mapped = isinstance(output, Mapping) and is_dataclass(output) and not isinstance(output, type)
    return mapped or (isinstance(output, tuple) and hasattr(output, "_fields"))


def _values(output: Any) -> list[Any]:
    return list(output.values()) if isinstance(output, Mapping) else list(output)


def _rebuilt(output: Any, values: list[Any]) -> Any:
    """Return a plain container or a record of other values."""
    if type(output) is dict:
        return dict(zip(output, values, strict=True))
    if isinstance(output, Mapping):
        return type(output)(**dict(zip(output, values, strict=True)))
    return type(output)(*values) if hasattr(output, "_fields") else type(output)(values)


def check_detachable(modality: str, output: Any) -> None:
    """Refuse, at its first forward, an encoder that may be skipped and whose output cannot be handed on without a gradient."""
    try:
        detached(output)
    except Exception as error:  # constructors and copies of unknown classes fail as they like
        raise TypeError(
            f"encoder {modality!r} may be skipped, but its output, {_kind(output)}, cannot be copied without its gradient "
            f"({type(error).__name__}: {error}): return tensors in tuples, lists, mappings or dataclasses, or skip a submodule "
            "whose output is plainer"
        ) from error


def _kind(output: Any) -> str:
    parts = {type(value).__name__ for value in output.values()} if isinstance(output, Mapping) else ()
    return type(output).__name__ + (f" of {', '.join(sorted(parts))}" if parts else "")


def _other(output: Any, memo: Memo) -> Any:
    """Return a container of another class, or any object, without gradients."""
    if id(output) not in memo:
        memo[id(output)] = output  # who refers to itself gets itself
        memo[id(output)] = _attributes(output, _container(output, memo), memo)
    return memo[id(output)]


def _container(output: Any, memo: Memo) -> Any:
    """Return a container whose content is detached; what is none, or holds no gradient, as it is."""
    if isinstance(output, Mapping):
        values = {key: detached(value, memo) for key, value in output.items()}
        return output if _unchanged(output.values(), values.values()) else _mapping(output, values)
    if not isinstance(output, list | tuple | set | frozenset | deque):
        return output
    items = [detached(value, memo) for value in output]
    return output if _unchanged(output, items) else _filled(output, items)


def _mapping(output: Any, values: dict[Any, Any]) -> Any:
    if not hasattr(output, "__setitem__"):
        return type(output)(values)
    made = copy.copy(output)  # keeps what belongs to the class: the factory of a defaultdict, the encodings of a BatchEncoding
    for key, value in values.items():
        made[key] = value
    return made


def _filled(output: Any, items: list[Any]) -> Any:
    if isinstance(output, tuple | frozenset):
        return type(output)(items)
    made = copy.copy(output)
    made.clear()
    if isinstance(made, set):
        made.update(items)
    else:
        made.extend(items)
    return made


def _attributes(output: Any, made: Any, memo: Memo) -> Any:
    """Return what was made of an output, with detached attributes; the output itself where none of them has a gradient."""
    skipped = OWN if isinstance(output, nn.Module) else ("data",) if made is not output else ()  # `data` is UserDict's content
    before = {name: value for name, value in _stored(output).items() if name not in skipped}
    after = {name: detached(value, memo) for name, value in before.items()}
    if _unchanged(before.values(), after.values()):
        return made
    made = copy.copy(output) if made is output else made
    for name, value in after.items():
        object.__setattr__(made, name, made if value is output else value)  # past frozen dataclasses and modules' own way
    return made


def _stored(output: Any) -> dict[str, Any]:
    """Return an object's attributes, those in slots included."""
    names = [name for kind in type(output).__mro__ for name in _listed(kind.__dict__.get("__slots__", ()))]
    slots = {name: getattr(output, name) for name in names if name not in ("__dict__", "__weakref__") and hasattr(output, name)}
    return {**slots, **getattr(output, "__dict__", {})}


def _listed(slots: Any) -> Iterable[str]:
    return (slots,) if isinstance(slots, str) else slots


def _unchanged(before: Iterable[Any], after: Iterable[Any]) -> bool:
    return all(x is y for x, y in zip(before, after, strict=True))
