"""A method's entries, made real: which modalities the model has, which recipe, which terms beside the cross-entropy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from asgml import Recipe, recipes
from asgml.interventions import Skip
from asgml.lab.config import Cell, methods
from asgml.lab.errors import InputError
from asgml.lab.imports import load_object
from asgml.lab.training.objectives import CrossEntropy, Objective, Unimodal
from asgml.policies import EveryK


@dataclass(frozen=True)
class Plan:
    """What a cell trains: the sum of its entries, in their order."""

    modalities: tuple[str, ...]
    recipe: Recipe
    objective: Objective


def frequency(entry: methods.Frequency) -> Recipe:
    """Build a frequency entry, by either rule."""
    if entry.rule == "every":
        return Recipe(act=(Skip(EveryK(entry.k, entry.modality, entry.phase)),))
    return recipes.frequency(entry.modality, entry.k, entry.phase)


def staleness(entry: methods.Staleness) -> Recipe:
    """Build a staleness entry."""
    return recipes.staleness(entry.modality, entry.tau, entry.warmup, entry.damping)


def imported(entry: methods.ImportedMethod) -> Recipe | Objective:
    """Call one's own function: it returns a Recipe, or an Objective to be added to the loss."""
    made = load_object(entry.import_, "methods")(**entry.arguments)
    if not isinstance(made, Recipe | Objective):
        raise InputError(f"`methods`: {entry.import_} must return a Recipe or an Objective, found {type(made).__name__}")
    return made


BUILDERS: dict[str, Callable[[Any], Recipe | Objective]] = {"frequency": frequency, "staleness": staleness, "import": imported}


def make(cell: Cell, modalities: Sequence[str]) -> Plan:
    """Add a cell's entries up; `modalities` are the data set's."""
    objective: Objective = CrossEntropy()
    if cell.train.unimodal_loss:
        objective = objective + Unimodal(cell.train.unimodal_loss)
    plan = Plan(tuple(modalities), Recipe(), objective)
    for entry in cell.entries:
        plan = _with(plan, entry)
    return plan


def _with(plan: Plan, entry: methods.Entry) -> Plan:
    if isinstance(entry, methods.Alone):
        if entry.modality not in plan.modalities:
            raise InputError(f"`alone.modality` must be one of {list(plan.modalities)}, found {entry.modality!r}")
        return replace(plan, modalities=(entry.modality,))
    made = BUILDERS[entry.kind](entry)
    if isinstance(made, Objective):
        return replace(plan, objective=plan.objective + made)
    return replace(plan, recipe=plan.recipe + made)
