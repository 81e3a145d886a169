"""The two small values that travel through a training step: `Step`, what is known now, and `Readings`, what was measured."""

from __future__ import annotations

import copy
import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:
    from torch import Tensor, nn

    from asgml._states import Saved

T = TypeVar("T")


class NotYetMeasured(KeyError):
    """A reading that some monitor measures, but has not measured so far: a policy that asks for it decides nothing yet."""


class Values(dict[str, float]):
    """Modality -> the latest value of one reading. Asking for a modality that has none raises with words."""

    def __init__(self, name: str, values: Mapping[str, float], known: Collection[str]):
        super().__init__(values)
        self.name, self.known = name, known

    def __reduce__(self) -> tuple[type[OrderedDict[str, float]], tuple[tuple[tuple[str, float], ...]]]:
        """Go into files as a plain mapping, which `torch.load(weights_only=True)` reads."""
        return OrderedDict, (tuple(self.items()),)

    def __missing__(self, modality: str) -> float:
        if modality in self.known:
            raise NotYetMeasured(
                f"{self.name!r} has no value of {modality!r} so far: every update left it out; `balancer.summary()` says more"
            )
        raise KeyError(f"{self.name!r} has no value of {modality!r} (have: {sorted(self)})")


class Readings(dict[str, dict[str, float]]):
    """Name of a reading -> modality -> its latest value. Asking for a name that nobody measures raises with words."""

    def __init__(
        self, values: Mapping[str, dict[str, float]] = {}, *, awaited: Iterable[str] = (), modalities: Collection[str] = ()
    ):
        super().__init__({name: Values(name, v, modalities) if modalities else dict(v) for name, v in values.items()})
        self.awaited, self.modalities = frozenset(awaited), frozenset(modalities)

    def note(self, name: str, values: Mapping[str, float]) -> None:
        """Take over new values of a reading."""
        self.setdefault(name, Values(name, {}, self.modalities)).update(values)

    def __missing__(self, name: str) -> dict[str, float]:
        if name in self.awaited:
            raise NotYetMeasured(f"{name!r} is measured, but not before the first update")
        raise KeyError(f"no monitor measures {name!r}: give one in `measure=` (have: {sorted(self.awaited | set(self))})")


Policy = Callable[[int, Readings], Mapping[str, T]]
"""(step index, readings) -> modality -> setting. Pure: no memory, no tensors."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is known after the backward pass and before the optimizer steps."""

    index: int
    """Optimizer steps taken so far."""
    params: Mapping[str, Mapping[str, nn.Parameter]]
    """Modality -> name -> parameter."""
    features: Mapping[str, Tensor]
    """Modality -> encoder output (B, ...), detached, micro-batches concatenated; a modality that was not used is left out."""
    targets: Tensor | None
    """What `adjust` or `observe` was given, first axis B."""
    used: frozenset[str]
    """Modalities whose encoder took part in this step: its forward was seen, or, without a hook, it has gradients."""
    skipped: frozenset[str]
    """Modalities whose backward was cut in this step."""
    readings: Readings
    """The latest readings, this step's included."""
    norms: Mapping[str, Tensor]
    """Modality -> L2 norm of its gradients before any intervention, 0-dim, of this rank's shard where they are sharded.

    A modality that was skipped or has no gradient is left out.
    """
    present: Mapping[str, Tensor] = field(default_factory=dict)
    """Modality -> mask (B,) of the rows that its feature is of, where `adjust` or `observe` was told that some lack it."""

    def targets_of(self, modality: str) -> Tensor | None:
        """Return the targets of the rows that a modality's feature is of."""
        mask = self.present.get(modality)
        return self.targets if self.targets is None or mask is None else self.targets[mask]

    def with_grad(self, modality: str) -> Iterator[tuple[str, nn.Parameter]]:
        """Iterate over (name, parameter) of a modality's parameters that hold a gradient and are not frozen."""
        return ((name, p) for name, p in self.params[modality].items() if p.grad is not None and p.requires_grad)

    def acting(self, modality: str) -> bool:
        """Tell whether this modality's encoder was used in this step and not skipped."""
        return modality in self.used and modality not in self.skipped


class Stateful:
    """What a checkpoint must carry: plain Python and tensors, so that `torch.load(weights_only=True)` reads it."""

    def state_dict(self) -> dict[str, Any]:
        """Return the part's memory, by reference like torch's own; empty where it has none."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""

    def check_state(self, saved: Saved) -> None:
        """Refuse with a ValueError what `state_dict` cannot have returned, before any part takes its state over."""
        if type(self).state_dict is Stateful.state_dict and saved.mapping():
            saved.refuse("empty")

    def fresh(self) -> Self:
        """Return a part of the same settings without memory: a recipe may be used for many runs."""
        return dataclasses.replace(self) if dataclasses.is_dataclass(self) else copy.deepcopy(self)
