"""ResNet-18."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from asgml.lab.encoders._base import Encoder, Sample
from asgml.lab.parts.settings import Local

if TYPE_CHECKING:
    from torch import nn


class ResNet18(Encoder):
    """ResNet-18 (He et al., CVPR 2016) with torchvision's parameter names, for any number of input channels."""

    takes: ClassVar[tuple[Sample, ...]] = ("image", "frames")
    kind: Literal["resnet18"] = "resnet18"
    weights: Local | None = None
    """A state dict in torchvision's format (.pth or .safetensors) to start from; None: a random start."""
    width: int = Field(default=64, ge=4)
    """Channels of the first stage; the feature before the projection has 8 times as many. `weights` need 64."""

    @model_validator(mode="after")
    def _weights_fit(self) -> Self:
        if self.weights and self.width != 64:
            raise ValueError(f"width must be 64 where weights are given, found {self.width}")
        return self

    def build(self, shape: Sequence[int], feature_dim: int) -> nn.Module:
        """Return the network for images (C, H, W)."""
        from asgml.lab.encoders._resnet import ResNet18Net

        return ResNet18Net(shape, feature_dim, self.weights, self.width)
