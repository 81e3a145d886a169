"""The settings that encoders made of attention layers have in common."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from asgml.lab.encoders._base import Encoder


class Attention(Encoder):
    """The size of an encoder made of attention layers, where it is built anew."""

    hidden: int = Field(default=192, ge=4)
    """Size of a token."""
    layers: int = Field(default=4, ge=1)
    heads: int = Field(default=3, ge=1)

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.hidden % self.heads:
            raise ValueError(f"hidden must be a multiple of heads, {self.heads}, found {self.hidden}")
        return self
