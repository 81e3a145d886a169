"""A method's entries, made real: which modalities the model has, what it learns from, and how its gradients are edited."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from asgml import Recipe
from asgml.lab.config import Cell
from asgml.lab.errors import InputError
from asgml.lab.methods import Method
from asgml.lab.methods._context import Context
from asgml.lab.models.transforms import ModalityDropout, Transform
from asgml.lab.training.objectives import CrossEntropy, Objective, Sum, Unimodal


@dataclass(frozen=True)
class Plan:
    """What a cell trains: the sum of its entries, in their order."""

    modalities: tuple[str, ...]
    terms: tuple[Objective, ...] = ()
    makers: tuple[Callable[[Context], Recipe], ...] = ()
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

    def recipe(self, context: Context) -> Recipe:
        """Build its monitors and interventions for a run."""
        return sum((make(context) for make in self.makers), Recipe())

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


def _with(plan: Plan, entry: Method) -> Plan:
    loss = entry.objective()
    return replace(
        plan,
        modalities=entry.modalities(plan.modalities),
        terms=plan.terms if loss is None else (*plan.terms, loss),
        makers=(*plan.makers, entry.recipe),
        dropout={**plan.dropout, **entry.dropout()},
        factors={**plan.factors, **entry.rates()},
        on_steer=plan.on_steer or entry.trains_on_steer,
    )
