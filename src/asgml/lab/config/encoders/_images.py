"""Encoders of images, spectrograms and frames."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from asgml.lab.config.encoders._base import EncoderSettings, Sample
from asgml.lab.parts.settings import Local


class _Images(EncoderSettings):
    takes: ClassVar[tuple[Sample, ...]] = ("image", "frames")


class Cnn(_Images):
    """Two 3x3 convolutions with pooling, and a linear layer: for small images and spectrograms."""

    kind: Literal["cnn"] = "cnn"


class ResNet18(_Images):
    """ResNet-18 (He et al., CVPR 2016) with torchvision's parameter names, for any number of input channels."""

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


class Attention(EncoderSettings):
    """What encoders made of attention layers have in common: the size of one built anew."""

    hidden: int = Field(default=192, ge=4)
    """Size of a token."""
    layers: int = Field(default=4, ge=1)
    heads: int = Field(default=3, ge=1)

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.hidden % self.heads:
            raise ValueError(f"hidden must be a multiple of heads, {self.heads}, found {self.hidden}")
        return self


class ViT(Attention):
    """Vision Transformer (Dosovitskiy et al., ICLR 2021), from transformers."""

    takes: ClassVar[tuple[Sample, ...]] = ("image", "frames")
    package: ClassVar[str | None] = "transformers"
    kind: Literal["vit"] = "vit"
    folder: Local | None = None
    """A local folder with a pretrained model; it then sets all sizes. None: built anew, a random start."""
    patch: int = Field(default=16, ge=1)
    """Side of a patch in pixels."""


class EfficientNet(_Images):
    """EfficientNet (Tan and Le, ICML 2019), from transformers; B0 unless scaled."""

    package: ClassVar[str | None] = "transformers"
    kind: Literal["efficientnet"] = "efficientnet"
    folder: Local | None = None
    """A local folder with a pretrained model; it then sets all sizes. None: built anew, a random start."""
    width: float = Field(default=1.0, gt=0)
    """Factor on B0's channels."""
    depth: float = Field(default=1.0, gt=0)
    """Factor on B0's layers."""


class Ast(Attention):
    """Audio Spectrogram Transformer (Gong et al., Interspeech 2021), from transformers: (1, frequencies, time)."""

    takes: ClassVar[tuple[Sample, ...]] = ("image",)
    package: ClassVar[str | None] = "transformers"
    kind: Literal["ast"] = "ast"
    folder: Local | None = None
    """A local folder with a pretrained model; it then sets all sizes. None: built anew, a random start."""
    patch: int = Field(default=16, ge=1)
    """Side of a patch in bins."""
    stride: int = Field(default=10, ge=1)
    """Distance of patches in bins."""
