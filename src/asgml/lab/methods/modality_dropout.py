"""Features that are left out at random."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from asgml.lab.methods._base import Method


class ModalityDropout(Method):
    """Per sample and modality, the feature is zeroed with probability p while training; one always stays."""

    cites: ClassVar[tuple[str, ...]] = ("neverova2016moddrop",)
    kind: Literal["modality_dropout"] = "modality_dropout"
    modality: str | None = None
    """None: every modality."""
    p: float = Field(ge=0, lt=1)

    def dropout(self) -> dict[str | None, float]:
        """Return the probability."""
        return {self.modality: self.p}
