"""A small CNN for text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from asgml.lab.encoders._base import Encoder, Sample

if TYPE_CHECKING:
    from torch import Tensor

CHARACTERS = 128


class CharCnn(Encoder):
    """An embedding of characters, a convolution, and the maximum over the text.

    Character ids (B, L), 0 for padding -> (B, D): embedding, width-3 convolution, maximum over L, linear layer, ReLU.
    """

    takes: ClassVar[tuple[Sample, ...]] = ("text",)
    kind: Literal["char_cnn"] = "char_cnn"

    def modules(self, shape: Sequence[int], feature_dim: int) -> dict[str, Any]:
        """Return the embedding, the convolution and the projection."""
        from torch import nn

        embed, convolve = nn.Embedding(CHARACTERS, 16, padding_idx=0), nn.Conv1d(16, 32, 3, padding=1)
        return {"embed": embed, "convolve": convolve, "project": nn.Linear(32, feature_dim)}

    def feature(self, modules: Any, x: Tensor) -> Tensor:
        """Return (B, D)."""
        seen: Tensor = modules.convolve(modules.embed(x).transpose(1, 2)).relu().amax(2)
        projected: Tensor = modules.project(seen)
        return projected.relu()
