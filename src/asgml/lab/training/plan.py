"""A method's entries, made real: which modalities the model has, what it learns from, and how its gradients are edited."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from asgml import Recipe
from asgml.lab.config import Cell, methods
from asgml.lab.errors import InputError
from asgml.lab.imports import load_object
from asgml.lab.models.transforms import ModalityDropout, Transform
from asgml.lab.training.objectives import CrossEntropy, Disentangled, Objective, SoloSum, Sum, Unimodal
from asgml.lab.training.recipes import RECIPES
from asgml.lab.training.scene import Scene


@dataclass(frozen=True)
class Plan:
    """What a cell trains: the sum of its entries, in their order."""

    modalities: tuple[str, ...]
    terms: tuple[Objective, ...] = ()
    makers: tuple[Callable[[Scene], Recipe], ...] = ()
    dropout: Mapping[str | None, float] = field(default_factory=dict)
    """Modality, or None for all -> probability."""
    factors: Mapping[str | None, float] = field(default_factory=dict)
    """Modality, or None for the whole model -> factor on the learning rate."""
    on_steer: bool = False
    """Whether it trains on the steer split too."""

    @property
    def objective(self) -> Objective:
        """The sum of its losses: the fused cross-entropy, unless one stands in its place, and what is added."""
        wholes = [term for term in self.terms if term.whole]
        if len(wholes) > 1:
            names = " and ".join(type(term).__name__ for term in wholes)
            raise InputError(f"`methods`: {names} each stand in the place of the fused cross-entropy; keep one of them")
        terms = [*(wholes or [CrossEntropy()]), *(term for term in self.terms if not term.whole)]
        return Sum(*terms) if len(terms) > 1 else terms[0]

    def recipe(self, scene: Scene) -> Recipe:
        """Build its diagnostics and interventions for a run."""
        return sum((make(scene) for make in self.makers), Recipe())

    def transform(self, modalities: Sequence[str]) -> Transform:
        """What stands between encoders and fusion."""
        p = {m: self.dropout.get(m, self.dropout.get(None, 0.0)) for m in modalities}
        return ModalityDropout(p) if any(p.values()) else Transform()


def make(cell: Cell, modalities: Sequence[str]) -> Plan:
    """Add a cell's entries up; `modalities` are the data set's."""
    plan = Plan(tuple(modalities))
    if cell.train.unimodal_loss:
        plan = replace(plan, terms=(Unimodal(cell.train.unimodal_loss),))
    for entry in cell.entries:
        plan = _with(plan, entry)
    return plan


def _with(plan: Plan, entry: methods.Entry) -> Plan:
    if isinstance(entry, methods.Longer):
        return plan  # the cell's number of epochs has it
    if entry.kind in RECIPES:
        return replace(plan, makers=(*plan.makers, lambda scene: RECIPES[entry.kind](entry, scene)))
    return CHANGES[entry.kind](plan, entry)


def _alone(plan: Plan, entry: methods.Alone) -> Plan:
    if entry.modality not in plan.modalities:
        raise InputError(f"`alone.modality` must be one of {list(plan.modalities)}, found {entry.modality!r}")
    return replace(plan, modalities=(entry.modality,))


def _imported(plan: Plan, entry: methods.ImportedMethod) -> Plan:
    """Call one's own function: it returns a Recipe, or an Objective to be added to the loss."""
    made = load_object(entry.import_, "methods")(**entry.arguments)
    if isinstance(made, Objective):
        return replace(plan, terms=(*plan.terms, made))
    if isinstance(made, Recipe):
        return replace(plan, makers=(*plan.makers, lambda scene: made))
    raise InputError(f"`methods`: {entry.import_} must return a Recipe or an Objective, found {type(made).__name__}")


def _term(make: Callable[[Any], Objective]) -> Callable[[Plan, Any], Plan]:
    return lambda plan, entry: replace(plan, terms=(*plan.terms, make(entry)))


CHANGES: dict[str, Callable[[Plan, Any], Plan]] = {
    "alone": _alone,
    "import": _imported,
    "unimodal_loss": _term(lambda entry: Unimodal(entry.gamma)),
    "solo_sum": _term(lambda entry: SoloSum()),
    "dgl": _term(lambda entry: Disentangled(entry.alpha)),
    "modality_dropout": lambda plan, entry: replace(plan, dropout={**plan.dropout, entry.modality: entry.p}),
    "learning_rate": lambda plan, entry: replace(plan, factors={**plan.factors, entry.modality: entry.factor}),
    "train_on_steer": lambda plan, entry: replace(plan, on_steer=True),
}
