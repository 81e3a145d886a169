"""OGM-GE's edit of a gradient: a factor on it, and noise of the spread that it had before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from asgml._step import Step
from asgml.interventions._noisy import Noisy
from asgml.interventions._scope import within


@dataclass
class OgmGe(Noisy):
    """Replace each of an encoder's gradients g by k g + e, with e normal of the unscaled g's standard deviation.

    k is the factor that `by` gives the modality, `policies.Ogm` in the method: Peng et al., "Balanced Multimodal Learning via
    On-the-fly Gradient Modulation", CVPR 2022, eq. 10-12. The deviation is std(g) + 1e-8, the unbiased std over the elements
    of that parameter's gradient, before k. Every modality that `by` decides for gets noise, also where k = 1; where it decides
    nothing, outside `policies.Between`'s window for instance, nothing changes. A gradient of one element gets no noise.
    `scope` is `Scale`'s; the released code takes "conv".

    Generators, ranks and sharded gradients as in `Noise`. A constant k cancels under Adam-like optimizers; the noise does not.

    Raises ValueError for a factor that is not a finite number of at least 0, an unknown `scope`, a `seed` that is no integer,
    and at `adjust` for a sparse gradient.

    >>> from asgml.interventions import OgmGe
    >>> from asgml.policies import Ogm
    >>> OgmGe(Ogm(alpha=0.8))
    OgmGe(by=Ogm(alpha=0.8, score='score'), scope='weights', seed=0)
    """

    scales: ClassVar[bool] = True
    words: ClassVar[str] = "gradients scaled by {mean:.3g} on average, with noise"

    def adjust(self, step: Step) -> None:
        """Scale and add noise, in place."""
        for modality, factor in self.factors(step).items():
            found = within(step, modality, self.scope)
            for name, parameter, grad in found:
                noise = self._normal.noise(modality, name, parameter, 1.0)
                grad.mul_(factor)
                if noise is not None:
                    grad.add_(noise)
            if found:
                self.note(modality, factor)
