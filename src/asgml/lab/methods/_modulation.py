"""The settings that the methods of on-the-fly gradient modulation share."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from asgml.lab.methods._base import Method

if TYPE_CHECKING:
    from asgml.lab.methods._context import Context

Scope = Literal["all", "weights", "conv"]


class Modulation(Method):
    """Settings of on-the-fly gradient modulation (Peng et al., CVPR 2022)."""

    cites: ClassVar[tuple[str, ...]] = ("peng2022balanced", "wei2024onthefly")
    alpha: float = Field(gt=0)
    scope: Scope = "weights"
    """Which gradients: weights have 2 dimensions or more, conv 4 (as the released code); all: biases too."""
    start: int = Field(default=0, ge=0)
    """The first epoch, from 0, that is modulated."""
    stop: int | None = Field(default=None, ge=1)
    """The first epoch that no longer is; None: all are."""

    @model_validator(mode="after")
    def _some_epochs(self) -> Self:
        if self.stop is not None and self.stop <= self.start:
            raise ValueError(f"stop must lie above start, {self.start}, found {self.stop}")
        return self

    def window(self, context: Context) -> tuple[int, int | None]:
        """Return the first update that is modulated, and the first that no longer is."""
        stop = None if self.stop is None else self.stop * context.steps_per_epoch
        return self.start * context.steps_per_epoch, stop
