"""A transformer for sequences of features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from asgml.lab.encoders._attention import Attention
from asgml.lab.encoders._base import Sample

if TYPE_CHECKING:
    from torch import Tensor


class Transformer(Attention):
    """A transformer over a sequence's steps (Vaswani et al., NeurIPS 2017), padding masked; the mean of what it returns.

    Sequences (B, T, N) -> (B, D): linear layer plus learnt positions, pre-norm layers, the mean over the real steps. Steps at
    the end that hold nothing but 0 are padding; what stands beside a sequence in its batch changes nothing.
    """

    takes: ClassVar[tuple[Sample, ...]] = ("sequence",)
    kind: Literal["transformer"] = "transformer"
    hidden: int = Field(default=64, ge=4)
    layers: int = Field(default=2, ge=1)
    heads: int = Field(default=4, ge=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)

    def modules(self, shape: Sequence[int], feature_dim: int) -> dict[str, Any]:
        """Return the linear layer, the positions, the layers of attention and the projection."""
        import torch
        from torch import nn

        from asgml.lab.encoders._layers import projection

        steps, width = shape
        embed, positions = nn.Linear(width, self.hidden), nn.Parameter(0.02 * torch.randn(steps, self.hidden))
        size = (self.hidden, self.heads, 4 * self.hidden, self.dropout)
        layer = nn.TransformerEncoderLayer(*size, batch_first=True, norm_first=True)
        layers = nn.TransformerEncoder(layer, self.layers, nn.LayerNorm(self.hidden), enable_nested_tensor=False)
        return {"positions": positions, "embed": embed, "layers": layers, "project": projection(self.hidden, feature_dim)}

    def feature(self, modules: Any, x: Tensor) -> Tensor:
        """Return (B, D)."""
        from asgml.lab.encoders._layers import mean_over, real_steps

        real = real_steps(x)
        seen = modules.layers(modules.embed(x) + modules.positions, src_key_padding_mask=~real)
        found: Tensor = modules.project(mean_over(seen, real))
        return found
