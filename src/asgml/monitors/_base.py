"""The contract of everything that looks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from asgml._step import Stateful, Step

if TYPE_CHECKING:
    from torch import Tensor


class Monitor(Stateful, ABC):
    """Looks at a step: one number per modality. It never edits anything but itself."""

    name: str
    """The name of its reading."""
    every: int = 1
    """In updates: it measures at updates 0, every, 2 every, ..."""
    reads: frozenset[str] = frozenset()
    """Names of the readings that `derive` needs; whoever measures them stands before it in `measure`."""
    is_norm: ClassVar[bool] = False
    """Whether its numbers are L2 norms of gradients: where these are sharded, squares are added up over ranks."""

    needs_features: bool = True
    """Whether it looks at `step.features`; where no part does, encoders' outputs are not kept."""

    @abstractmethod
    def measure(self, step: Step) -> Mapping[str, Tensor]:
        """Return modality -> 0-dim tensor. Pure. A modality that is left out keeps its last reading.

        A number that is not finite is no reading: the Balancer leaves the modality out of this update, and counts it.
        """

    def admits(self, step: Step) -> Mapping[str, Tensor]:
        """Return modality -> how many rows of this rank's batch it takes, 0-dim. Pure; the same modalities on every rank.

        0 leaves the modality out of this update; nan, where what it would learn from is not finite, too, and is counted; inf,
        for targets that it cannot take, raises ValueError with the words of `unfit`. A monitor whose readings say all this
        (they are nan where something is not finite) need not tell.
        """
        return {}

    def unfit(self, step: Step, modality: str) -> str:
        """Return what is wrong with the targets, for the error, after `admits` said inf."""
        return f"{self.name!r} cannot take these targets of {modality!r}"

    def evidence(self, step: Step) -> Mapping[str, Tensor]:
        """Return what `learn` needs of this rank's batch: key -> sum over its rows. Pure; the same keys on every rank.

        It travels in the update's one reduction, so that a monitor that learns is the same on all ranks. Keys of the form
        `<modality>.<word>` are kept from `learn` where the modality is left out of the update.
        """
        return {}

    def learn(self, step: Step, sums: Mapping[str, Tensor]) -> None:
        """Change what changes in the monitor itself (a probe's weights, an average), once the step is known to be finite.

        `sums` is `evidence`, summed over ranks.
        """

    def derive(self, index: int, readings: Mapping[str, Mapping[str, float]]) -> Mapping[str, float]:
        """Return modality -> number made of this update's other readings, and move what memory that takes.

        Asked on the host in list order, after `learn` and before the interventions, in a due update `index` whose gradients
        are finite and in which everything that it `reads` has a value for some modality.
        """
        return {}


class Derived(Monitor):
    """Makes readings of readings: plain numbers on the host, equal on all ranks, after the update's one transfer.

    A class of your own sets `name` and `reads`, and overrides `derive`:

    >>> from asgml.monitors import Derived
    >>> class Doubt(Derived):
    ...     name, reads = "doubt", frozenset({"probe"})
    ...
    ...     def derive(self, index, readings):
    ...         return {m: 1 - accuracy for m, accuracy in readings["probe"].items()}
    >>> Doubt().derive(0, {"probe": {"audio": 0.75}})
    {'audio': 0.25}
    """

    needs_features = False

    def measure(self, step: Step) -> Mapping[str, Tensor]:
        """Return nothing: it looks at no step."""
        return {}


def check_every(every: int, argument: str = "every") -> None:
    """Refuse a cadence below one update."""
    if every < 1:
        raise ValueError(f"`{argument}` is counted in updates and must be at least 1, found {every}")
