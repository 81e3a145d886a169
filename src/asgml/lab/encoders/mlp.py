"""Two linear layers, for vectors and for sequences whose order may be lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from asgml.lab.encoders._base import Encoder, Sample

if TYPE_CHECKING:
    from torch import Tensor


class Mlp(Encoder):
    """The mean over a sequence's steps, padding left out; then two linear layers with ReLU.

    Vectors (B, N), or sequences (B, T, N) by the mean over their real steps -> (B, D): linear, ReLU, linear, ReLU. Steps at the
    end that hold nothing but 0 are padding.
    """

    takes: ClassVar[tuple[Sample, ...]] = ("sequence", "vector")
    kind: Literal["mlp"] = "mlp"
    hidden: int = Field(default=128, ge=1)

    def modules(self, shape: Sequence[int], feature_dim: int) -> dict[str, Any]:
        """Return the two layers as one module."""
        from torch import nn

        first, second = nn.Linear(shape[-1], self.hidden), nn.Linear(self.hidden, feature_dim)
        return {"layers": nn.Sequential(first, nn.ReLU(), second, nn.ReLU())}

    def feature(self, modules: Any, x: Tensor) -> Tensor:
        """Return (B, D)."""
        from asgml.lab.encoders._layers import mean_over, real_steps

        found: Tensor = modules.layers(mean_over(x, real_steps(x)) if x.ndim == 3 else x)
        return found
