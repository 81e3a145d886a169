"""The one object that stands in a training loop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from asgml._attach import Taps, check_attached, check_parts, disjoint_parameters
from asgml._step import Readings, Stateful, Step
from asgml.diagnostics import Diagnostic
from asgml.interventions import Intervention
from asgml.recipes import Recipe

COUNTED = ("updated", "skipped", "held")


class Balancer:
    """Watches encoders through forward hooks, measures, and acts on their gradients between backward and the optimizer's step.

    It wraps nothing and owns no parameter. `encoders` maps a modality's name to the module whose output is its feature,
    (B, ...); `recipe` brings diagnostics and interventions, `measure` and `act` add further ones, in list order.

    >>> import torch
    >>> from asgml import Balancer, recipes
    >>> net = torch.nn.ModuleDict({"audio": torch.nn.Linear(4, 5), "visual": torch.nn.Linear(6, 5)})
    >>> balancer = Balancer({"audio": net["audio"], "visual": net["visual"]}, recipes.frequency("audio", k=2))
    >>> loss = (net["audio"](torch.ones(3, 4)) + net["visual"](torch.ones(3, 6))).sum()
    >>> loss.backward()
    >>> balancer.adjust()
    {}
    >>> sorted(balancer.skipping)  # the next step
    ['audio']

    Raises ValueError or TypeError for parts that cannot work together, unknown modalities, and encoders that share parameters.
    """

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        recipe: Recipe | None = None,
        *,
        measure: Sequence[Diagnostic] = (),
        act: Sequence[Intervention] = (),
    ):
        own = recipe.fresh() if recipe else Recipe()
        self.measure: tuple[Diagnostic, ...] = (*own.measure, *measure)
        self.act: tuple[Intervention, ...] = (*own.act, *act)
        self.params = disjoint_parameters(encoders)
        check_parts(self.params, self.measure, self.act)
        self.index = 0
        """Optimizer steps taken so far."""
        self.nonfinite = 0
        """Updates whose gradients held inf or nan, and which were left alone."""
        self.readings = Readings(awaited=[d.name for d in self.measure])
        """The latest value of every reading."""
        self.tally = {m: dict.fromkeys(COUNTED, 0) for m in self.params}
        """Modality -> how many updates it got, how many were skipped, how many were held still by a delay."""
        self.skipped: frozenset[str] = frozenset()
        """Who was skipped in the update that `adjust` saw last: an optimizer that holds only these has nothing to step."""
        self.held: frozenset[str] = frozenset()
        """Who was used in that update but left without a gradient to apply, as a filling delay queue leaves it."""
        self._targets: list[Tensor] = []
        self._taps = Taps(encoders)
        self._ask()

    @property
    def skipping(self) -> frozenset[str]:
        """Who is skipped in the step whose forward comes next."""
        return self._taps.cut

    def observe(self, targets: Tensor) -> None:
        """Note the targets (B, ...) of a micro-batch, where the loop does not have the whole batch's at `adjust`."""
        self._targets.append(targets.detach())

    def adjust(self, targets: Tensor | None = None) -> Readings:
        """Measure and act. Call it once per update: after backward (and `scaler.unscale_`), before clipping and the step.

        `targets`, (B, ...), are the labels of the whole batch; only diagnostics that need them need them. Returns what was
        measured in this update (`readings` keeps older values too). On inf or nan in the encoders' gradients nothing
        changes but the count `nonfinite`: the step is left to the gradient scaler, or to you.
        """
        check_attached(self.params, self._taps.fired)
        features, targets = self._taps.take(), self._gathered(targets)
        if not (self.measure or self.act):
            self.index += 1
            return Readings()
        step = self._step(features, targets)
        with torch.no_grad():
            return self._update(step)

    def _update(self, step: Step) -> Readings:
        self.skipped, self.held = step.skipped & step.features.keys(), frozenset()
        due = [d for d in self.measure if step.index % d.every == 0]
        measured, finite = _to_host({d.name: d.measure(step) for d in due}, step.norms)
        if not finite:
            self.nonfinite += 1
            return Readings()
        self._uncut(step)
        for name, values in measured.items():
            self.readings.setdefault(name, {}).update(values)
        for diagnostic in due:
            diagnostic.learn(step)
        for intervention in self.act:
            intervention.adjust(step)
        self._count(step)
        self.index += 1
        self._ask()
        return measured

    def _step(self, features: dict[str, Tensor], targets: Tensor | None) -> Step:
        norms = {m: n for m in self.params if m not in self.skipping and (n := _norm(self.params[m].values())) is not None}
        return Step(self.index, self.params, features, targets, self.skipping, self.readings, norms)

    def _gathered(self, targets: Tensor | None) -> Tensor | None:
        seen, self._targets = self._targets, []
        if targets is not None and seen:
            raise ValueError("targets came through `observe` and through `adjust`: give them once")
        return torch.cat(seen) if seen else targets

    def _uncut(self, step: Step) -> None:
        """Drop what gradient a skipped encoder still has, zeros of `set_to_none=False` included: None alone means no update."""
        for modality in step.skipped:
            for parameter in step.params[modality].values():
                parameter.grad = None

    def _count(self, step: Step) -> None:
        moved = {m for m in step.norms if any(True for _ in step.with_grad(m))}
        self.held = frozenset(m for m in step.norms if m in step.features and m not in moved)
        for kind, modalities in zip(COUNTED, (moved, self.skipped, self.held), strict=True):
            for m in modalities:
                self.tally[m][kind] += 1

    def _ask(self) -> None:
        """Decide whom the next forward cuts."""
        asked = {m: part for part in self.act for m in part.skips(self.index, self.readings)}
        if unknown := sorted(asked.keys() - self.params.keys()):
            raise ValueError(f"{asked[unknown[0]]!r} skips {unknown}; the modalities are {sorted(self.params)}")
        self._taps.cut = frozenset(asked)

    def _parts(self) -> dict[str, Stateful]:
        looking: dict[str, Stateful] = {f"measure.{d.name}": d for d in self.measure}
        return looking | {f"act.{n}.{type(part).__name__}": part for n, part in enumerate(self.act)}

    def state_dict(self) -> dict[str, Any]:
        """Return all memory, to be saved between two updates; `torch.load(weights_only=True)` reads it."""
        return {
            "index": self.index,
            "nonfinite": self.nonfinite,
            "skipping": sorted(self.skipping),
            "readings": {name: dict(values) for name, values in self.readings.items()},
            "tally": {m: dict(counts) for m, counts in self.tally.items()},
            "parts": {name: part.state_dict() for name, part in self._parts().items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken; refuses another pipeline's or other modalities' state."""
        for what, saved, here in (("parts", state["parts"], self._parts()), ("modalities", state["tally"], self.params)):
            if list(saved) != list(here):
                raise ValueError(f"the state was saved with {what} {list(saved)}, this Balancer has {list(here)}")
        self.index, self.nonfinite = state["index"], state["nonfinite"]
        self.tally = {m: dict(counts) for m, counts in state["tally"].items()}
        self.readings = Readings(state["readings"], awaited=self.readings.awaited)
        self._taps.cut = frozenset(state["skipping"])
        for name, part in self._parts().items():
            part.load_state_dict(state["parts"][name])

    def remove(self) -> None:
        """Take the hooks off; the model is as it was before."""
        self._taps.remove()

    def __repr__(self) -> str:
        parts = "".join(f",\n  {kind}={list(parts)}" for kind, parts in (("measure", self.measure), ("act", self.act)) if parts)
        return f"Balancer({list(self.params)}{parts})"


def _norm(parameters: Iterable[nn.Parameter]) -> Tensor | None:
    """Return the L2 norm over all gradients, 0-dim float32 or float64, without a transfer; None where there is none."""
    grads = [p.grad.coalesce().values() if p.grad.is_sparse else p.grad for p in parameters if p.grad is not None]
    if not grads:
        return None
    wide = torch.float64 if all(g.dtype == torch.float64 for g in grads) else torch.float32
    norms: tuple[Tensor, ...] = torch._foreach_norm(grads, 2, wide)  # one kernel for all of them where the device has one
    total: Tensor = torch.linalg.vector_norm(torch.stack([n.to(grads[0].device) for n in norms]))
    return total


def _to_host(measured: Mapping[str, Mapping[str, Tensor]], norms: Mapping[str, Tensor]) -> tuple[Readings, bool]:
    """Move all numbers and the finite flag to the host, in one transfer."""
    numbers = [value.detach() for values in measured.values() for value in values.values()]
    together = [n.double() for n in (*numbers, *norms.values())]
    if not together:
        return Readings({name: {} for name in measured}), True
    values = torch.stack([n.to(together[0].device) for n in together])
    *floats, finite = torch.cat([values, values[len(numbers) :].isfinite().all()[None].to(values.dtype)]).tolist()
    left = iter(floats)
    return Readings({name: {m: next(left) for m in vs} for name, vs in measured.items()}), bool(finite)
