"""Saved states: looked through as a whole, and only then taken over."""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import Tensor

from asgml._numbers import is_count, is_number

if TYPE_CHECKING:
    from asgml._checks import Parameters
    from asgml._step import Stateful


@dataclass(frozen=True)
class Saved:
    """A piece of a saved state, where it stands, and the encoders that it is for. What does not fit raises ValueError."""

    value: Any
    path: str
    params: Parameters

    def refuse(self, must: str) -> NoReturn:
        """Say what it must be."""
        raise ValueError(
            f"the state cannot be loaded: `{self.path}` must be {must}, found {_found(self.value)}. It is damaged, or it was "
            "saved by another pipeline; nothing of it was taken over"
        )

    def at(self, key: str) -> Saved:
        """Return what a mapping has under a key."""
        if key not in self.mapping():
            self.refuse(f"a mapping that has {key!r}")
        return Saved(self.value[key], f"{self.path}[{key!r}]" if self.path else key, self.params)

    def mapping(self) -> Mapping[str, Any]:
        """Return it as a mapping of names."""
        if not isinstance(self.value, Mapping) or not all(isinstance(key, str) for key in self.value):
            self.refuse("a mapping of names")
        return self.value

    def named(self) -> Iterator[tuple[str, Saved]]:
        """Iterate over a mapping."""
        return ((key, self.at(key)) for key in self.mapping())

    def modalities(self) -> Iterator[tuple[str, Saved]]:
        """Iterate over a mapping whose keys are modalities."""
        self._among(self.mapping(), self.params)
        return self.named()

    def names(self, allowed: Collection[str] | None = None) -> None:
        """Ask for a list of modalities, or of other names."""
        if not isinstance(self.value, list | tuple) or not all(isinstance(name, str) for name in self.value):
            self.refuse("a list of names")
        self._among(self.value, self.params if allowed is None else allowed)

    def _among(self, found: Collection[str], allowed: Collection[str]) -> None:
        if any(name not in allowed for name in found):
            self.refuse(f"of {sorted(allowed)}")

    def items(self, most: float = math.inf) -> list[Saved]:
        """Return the pieces of a list."""
        if not isinstance(self.value, list | tuple) or len(self.value) > most:
            self.refuse("a list" if most == math.inf else f"a list of at most {most}")
        return [Saved(value, f"{self.path}[{n}]", self.params) for n, value in enumerate(self.value)]

    def count(self) -> None:
        """Ask for a whole number of at least 0."""
        if not is_count(self.value):
            self.refuse("a whole number of at least 0")

    def number(self, least: float = -math.inf) -> None:
        """Ask for a finite number."""
        if not is_number(self.value) or self.value < least:
            self.refuse("a finite number" if least == -math.inf else f"a finite number of at least {least}")

    def tensor(self, shape: Sequence[int] = (), finite: bool = True) -> None:
        """Ask for a tensor of this shape, of finite floating-point or complex numbers."""
        value = self.value
        plain = isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex())
        if not plain or tuple(value.shape) != tuple(shape):
            self.refuse(f"a tensor of floating-point numbers, of shape {tuple(shape)}")
        if finite and not _is_finite(value):
            self.refuse("a tensor of finite numbers")

    def tensors(self, shapes: Mapping[str, Sequence[int]]) -> None:
        """Ask for a mapping that has these tensors; whatever else it has must be tensors too, of any shape."""
        for name, piece in self.named():
            piece.tensor(shapes[name] if name in shapes else getattr(piece.value, "shape", ()))
        for name in shapes:
            self.at(name)

    def width(self, key: str, axis: int) -> int:
        """Return the size of a tensor's axis, which says what sizes others must have."""
        piece = self.at(key)
        if not isinstance(piece.value, Tensor) or piece.value.ndim <= axis:
            piece.refuse(f"a tensor of {axis + 1} axes or more")
        return int(piece.value.shape[axis])

    def weights(self, modality: str) -> None:
        """Ask for tensors under the names, and of the shapes, of parameters of a modality's encoder."""
        self._among(self.mapping(), self.params[modality])
        for name, piece in self.named():
            piece.tensor(self.params[modality][name].shape)


def _is_finite(value: Tensor) -> bool:
    shard: Tensor = value.to_local() if hasattr(value, "to_local") else value
    shard = shard.coalesce().values() if shard.is_sparse else shard
    return bool(torch.isfinite(shard).all())


def _found(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}, {value.dtype}" + ("" if _plain(value) else ", not all finite")
    words = repr(value)
    return words if len(words) <= 80 else f"{words[:77]}..."


def _plain(value: Tensor) -> bool:
    return not (value.is_floating_point() or value.is_complex()) or value.is_meta or _is_finite(value)


def check_state(state: Any, parts: Mapping[str, Stateful], params: Parameters, hooked: Collection[str]) -> None:
    """Refuse a Balancer's state that is damaged or another pipeline's, before anything of it is taken over."""
    saved = Saved(state, "", params)
    for what, key, here in (("parts", "parts", parts), ("modalities", "tally", params)):
        if list(saved.at(key).mapping()) != list(here):
            raise ValueError(f"the state was saved with {what} {list(state[key])}, this Balancer has {list(here)}")
    saved.at("index").count()
    saved.at("nonfinite").count()
    saved.at("skipping").names(hooked)
    for _, counts in saved.at("tally").named():
        for kind in ("updated", "skipped", "held"):
            counts.at(kind).count()
    _check_readings(saved, [name.removeprefix("measure.") for name in parts if name.startswith("measure.")])
    for name, part in parts.items():
        piece = saved.at("parts").at(name)
        piece.mapping()
        part.check_state(piece)


def _check_readings(saved: Saved, measured: Collection[str]) -> None:
    readings = saved.at("readings")
    readings._among(readings.mapping(), measured)
    for _, values in readings.named():
        for _, value in values.named():
            if not isinstance(value.value, int | float) or isinstance(value.value, bool):
                value.refuse("a number")
    if "left_out" in saved.mapping():
        left_out = saved.at("left_out")
        left_out._among(left_out.mapping(), measured)
        for _, counts in left_out.named():
            for _, updates in counts.named():
                updates.count()


def take(parts: Mapping[str, Stateful], states: Mapping[str, Any]) -> None:
    """Let all parts take their states over, or none: where one refuses, those before it get back what they had."""
    before = {name: _copied(part.state_dict()) for name, part in parts.items()}
    done: list[str] = []
    for name, part in parts.items():
        done.append(name)
        try:
            part.load_state_dict(states[name])
        except Exception as error:  # a part of the user's own fails as it likes
            for other in done:
                parts[other].load_state_dict(before[other])
            raise ValueError(
                f"the state cannot be loaded: `parts[{name!r}]` is refused ({type(error).__name__}: {error}); nothing of it "
                "was taken over"
            ) from error


def _copied(state: dict[str, Any]) -> dict[str, Any]:
    try:
        return copy.deepcopy(state)
    except Exception:  # what cannot be copied is kept as it is
        return state
