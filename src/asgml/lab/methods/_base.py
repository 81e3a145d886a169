"""The base of all methods: what one entry of an experiment's method may be and do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from asgml.lab.parts.settings import Settings

if TYPE_CHECKING:
    from asgml import Recipe
    from asgml.lab.methods._context import Context
    from asgml.lab.training.objectives import Objective


class Method(Settings):
    """One entry of a method. Where it is about one modality, `modality` names it.

    An entry does one thing or several of these; what it does not override stays as in plain joint training.
    """

    kind: str
    cites: ClassVar[tuple[str, ...]] = ()
    """Keys of `references.bib`: the papers that the method comes from; empty for ordinary controls and this library's own."""
    trains_on_steer: ClassVar[bool] = False
    """Whether it trains on the samples that are set aside for steering, too."""
    unimodal: ClassVar[bool] = False
    """Whether it trains a model of one modality alone, which others are compared with."""

    @property
    def named(self) -> tuple[str, ...]:
        """The modalities that it names."""
        modality = getattr(self, "modality", None)
        return () if modality is None else (modality,)

    @property
    def steered(self) -> bool:
        """Whether it decides by samples of the `steer` split."""
        return False

    @property
    def epoch_factor(self) -> float:
        """How many times as many epochs it trains."""
        return 1.0

    def recipe(self, context: Context) -> Recipe:
        """Return what steers or edits gradients, made for one run."""
        from asgml import Recipe

        return Recipe()

    def objective(self) -> Objective | None:
        """Return a loss, added to the fused one or in its place; None: none of its own."""
        return None

    def modalities(self, have: tuple[str, ...]) -> tuple[str, ...]:
        """Return the modalities that the model has, of the data set's."""
        return have

    def dropout(self) -> Mapping[str | None, float]:
        """Return modality, or None for all -> probability that a sample's feature is zeroed while training."""
        return {}

    def rates(self) -> Mapping[str | None, float]:
        """Return modality, or None for the whole model -> factor on the learning rate."""
        return {}

    def check(self, method: str) -> None:
        """Raise InputError where something that it needs is not there, before anything is read or written."""

    def in_words(self) -> str:
        """Return what it does, for reports: its name and its settings, unless a method says it better."""
        settings = ", ".join(f"{name} = {value}" for name, value in self.model_dump(mode="json", exclude={"kind"}).items())
        return f"{self.kind} with {settings}" if settings else self.kind

    def softer(self) -> str | None:
        """Return the next softer settings, in words; None where nothing is softer in a way of its own."""
        return None
