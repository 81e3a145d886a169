"""Take noisier steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from asgml._step import Step
from asgml.interventions._noisy import Noisy
from asgml.interventions._scope import within


@dataclass
class Noise(Noisy):
    """Add to each of an encoder's gradients normal noise of `factor` times that gradient's own spread.

    The standard deviation is factor (std + 1e-8), std being the unbiased one over the elements of that parameter's gradient
    as it stands here in the list; `by` gives the factor, a mapping modality -> factor or a policy; `scope` is `Scale`'s. A
    gradient of one element gets no noise, and a factor of 0 changes no bit and draws nothing.

    Every modality has a generator of its own, made from `seed` and its name; its state is saved. All ranks draw the same, so
    copies of a model stay equal; a sharded gradient is put together first, which costs a collective per parameter. Two
    `Noise` of one seed draw the same numbers: give them different ones.

    Raises ValueError for a factor that is not a finite number of at least 0, an unknown `scope`, a `seed` that is no integer,
    and at `adjust` for a sparse gradient.

    >>> from asgml.interventions import Noise
    >>> Noise({"audio": 1.0}, seed=3)
    Noise(by=Constant(settings={'audio': 1.0}), scope='weights', seed=3)
    """

    noun: ClassVar[str] = "a factor on the noise"
    words: ClassVar[str] = "noise of {mean:.3g} times the gradients' spread on average"

    def adjust(self, step: Step) -> None:
        """Add noise in place."""
        for modality, factor in self.factors(step).items():
            found = within(step, modality, self.scope)
            for name, parameter, grad in found:
                noise = self._normal.noise(modality, name, parameter, factor)
                if noise is not None:
                    grad.add_(noise)
            if found:
                self.note(modality, factor)
