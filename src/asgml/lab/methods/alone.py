"""One modality alone."""

from __future__ import annotations

from typing import ClassVar, Literal

from asgml.lab.errors import InputError
from asgml.lab.methods._base import Method


class Alone(Method):
    """The control that every method must be seen beside: a model of this modality only, trained the same way."""

    unimodal: ClassVar[bool] = True
    kind: Literal["alone"] = "alone"
    modality: str

    def modalities(self, have: tuple[str, ...]) -> tuple[str, ...]:
        """Return the one modality. Raises InputError where the data set does not have it."""
        if self.modality not in have:
            raise InputError(f"`alone.modality` must be one of {list(have)}, found {self.modality!r}")
        return (self.modality,)

    def in_words(self) -> str:
        """Return which modality it is."""
        return f"control, a model of {self.modality} only, trained the same way"
