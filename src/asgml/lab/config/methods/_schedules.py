"""Asynchronous updates by a fixed rule."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from asgml.lab.config.methods._base import MethodEntry


class Frequency(MethodEntry):
    """One of every k updates of a modality's encoder is skipped (rule `one_in`), or all but one (rule `every`)."""

    kind: Literal["frequency"] = "frequency"
    modality: str
    k: int = Field(ge=2)
    phase: int = 0
    rule: Literal["one_in", "every"] = "one_in"


class Staleness(MethodEntry):
    """A modality's encoder learns from the gradient computed `tau` updates ago."""

    kind: Literal["staleness"] = "staleness"
    modality: str
    tau: int = Field(ge=0)
    warmup: Literal["hold", "fresh"] = "hold"
    damping: float = Field(default=0.0, ge=0)


class RandomSide(MethodEntry):
    """A control: at one of every k updates one encoder, drawn at random, is skipped."""

    kind: Literal["random_side"] = "random_side"
    k: int = Field(default=2, ge=2)


class Frozen(MethodEntry):
    """A control: a modality's encoder no longer learns after `after` epochs; 0: it stays as it was initialised."""

    kind: Literal["frozen"] = "frozen"
    modality: str
    after: int = Field(default=0, ge=0)
