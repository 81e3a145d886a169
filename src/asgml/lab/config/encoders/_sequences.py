"""Encoders of feature sequences (T, D) and vectors (D,). Steps at the end that hold nothing but 0 are padding."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from asgml.lab.config.encoders._base import EncoderSettings, Sample
from asgml.lab.config.encoders._images import Attention


class Mlp(EncoderSettings):
    """The mean over a sequence's steps, padding left out; then two linear layers with ReLU."""

    takes: ClassVar[tuple[Sample, ...]] = ("sequence", "vector")
    kind: Literal["mlp"] = "mlp"
    hidden: int = Field(default=128, ge=1)


class Transformer(Attention):
    """A transformer over a sequence's steps (Vaswani et al., NeurIPS 2017), padding masked; the mean of what it returns."""

    takes: ClassVar[tuple[Sample, ...]] = ("sequence",)
    kind: Literal["transformer"] = "transformer"
    hidden: int = Field(default=64, ge=4)
    layers: int = Field(default=2, ge=1)
    heads: int = Field(default=4, ge=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
