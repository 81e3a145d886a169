"""The one object that stands in a training loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from asgml._attached import Watching
from asgml._checks import (
    Encoder,
    check_attached,
    check_distributed,
    check_parts,
    check_shards,
    check_trainable,
    check_unscaled,
)
from asgml._left_out import LeftOut
from asgml._optimizers import Optimizers, check_closures, check_scaling
from asgml._owned import Owned
from asgml._present import Given, Present, rows_of
from asgml._ranks import Layout, ranks
from asgml._reduce import exchange, local_norm
from asgml._seen import Unseen, check_features, check_forward, reads_features
from asgml._states import check_state, take
from asgml._step import Readings, Stateful, Step
from asgml._taps import Extract, Taps
from asgml.interventions import Intervention
from asgml.monitors import Monitor
from asgml.recipes import Recipe

COUNTED = ("updated", "skipped", "held")


class Balancer(Watching):
    """Watches encoders through forward hooks, measures, and acts on their gradients between backward and the optimizer.

    It wraps nothing and owns no parameter. Its hooks come off by `remove()`, at the end of `with Balancer(...) as balancer:`,
    and when nobody holds it any more. One encoder has one Balancer: a newer one ends the older, with a warning. Copies of a
    model (`copy.deepcopy`, an average of weights, `torch.save` of all of it) are watched by nobody.

    Args:
        encoders: modality -> the module of the model whose output is its feature, (B, ...); or patterns of parameter names
            of `model` (`"vision_tower.*"`), for a modality without a module of its own: nothing of it can be skipped or probed.
        recipe: monitors and interventions, of which the Balancer takes fresh copies.
        measure: further monitors, after the recipe's, in list order.
        act: further interventions, after the recipe's, in list order.
        model: the model that the loop calls. Its mode counts instead of the encoders' (an encoder may then be in eval mode
            while it trains), each of its forwards is a micro-batch (so an encoder may be called several times in one), and
            what DistributedDataParallel needs is checked.
        scaler: the loop's GradScaler, so that gradients which are still scaled are refused instead of measured.
        features: modality -> a function that takes the feature tensor out of an encoder's output, where that is no tensor:
            `{"text": lambda output: output.last_hidden_state[:, 0]}`.
        optimizer: the loop's optimizer, or several, so that a Scale which Adam-like ones cancel is warned of, and one that runs
            passes of its own (LBFGS) is refused. It is not kept.

    Raises:
        ValueError, TypeError: for parts that cannot work together, unknown modalities, encoders that share parameters.

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
    """

    def __init__(
        self,
        encoders: Mapping[str, Encoder],
        recipe: Recipe | None = None,
        *,
        measure: Sequence[Monitor] = (),
        act: Sequence[Intervention] = (),
        model: nn.Module | None = None,
        features: Mapping[str, Extract] | None = None,
        scaler: torch.amp.GradScaler | None = None,
        optimizer: Optimizers | None = None,
    ):
        own = recipe.fresh() if recipe else Recipe()
        self.measure: tuple[Monitor, ...] = (*own.measure, *measure)
        self.act: tuple[Intervention, ...] = (*own.act, *act)
        self._owned = Owned(encoders, model)
        self.params = self._owned.params
        hooked = {m: e for m, e in encoders.items() if isinstance(e, nn.Module)}
        check_parts(self.params, hooked, self.measure, self.act, features or {})
        check_distributed(model, self.params, self.act)
        check_closures(optimizer)
        check_scaling(optimizer, self.act)
        check_features(hooked, self.params, self.measure)
        self.index = 0
        """Optimizer steps taken so far."""
        self.nonfinite = 0
        """Updates whose gradients held inf or nan, and which were left alone."""
        self.left_out = LeftOut()
        """Reading -> modality -> updates in which it was left out, since a feature, a target or the number was not finite."""
        self.readings = Readings(awaited=[d.name for d in self.measure], modalities=self.params)
        """The latest value of every reading."""
        self.tally = {m: dict.fromkeys(COUNTED, 0) for m in self.params}
        """Modality -> how many updates it got, how many were skipped, how many were held still by a delay."""
        self.skipped: frozenset[str] = frozenset()
        """Who was skipped in the update that `adjust` saw last."""
        self.held: frozenset[str] = frozenset()
        """Who was used in that update but left without a gradient to apply, as a filling delay queue leaves it."""
        self._hooked, self._modules, self._scaler = hooked.keys(), hooked, scaler
        self._layout: Layout = {}
        self._seen: set[str] = set()
        self._given = Given(self.params)
        self._unseen = Unseen(self.measure, self.act, hooked)
        needed = any(reads_features(part) for parts in (self.measure, self.act) for part in parts)
        self._taps: Taps = Taps(hooked, self.params, features or {}, model, needed=needed)
        self._taps.watch.may_cut = any(part.may_skip for part in self.act)
        self._ask()
        self._taps.attach()  # last: a Balancer that is refused leaves no hook, and ends no other

    @property
    def skipping(self) -> frozenset[str]:
        """Who is skipped in the step whose forward comes next."""
        return self._taps.cut

    def observe(self, targets: Tensor, *, present: Present = {}) -> None:
        """Note the targets (B, ...) of the micro-batch whose forward was last, where the loop has no whole batch at `adjust`.

        `present` is as in `adjust`. Raises ValueError where an encoder's feature has another number of rows.
        """
        self._taps.check_watching()
        self._given.add(targets, present, {m: self._taps.rows(m) for m in self._hooked})
        self._taps.mark()

    def adjust(self, targets: Tensor | None = None, *, present: Present = {}) -> Readings:
        """Measure and act. Call it once per update: after backward (and `scaler.unscale_`), before clipping and the step.

        `targets`, (B, ...), are the labels of the whole batch; only monitors that need them need them. `present` is modality
        -> mask (B,), for an encoder that was given only the rows which have its modality. Returns what was measured in this
        update (`readings` keeps older values too). On inf or nan in the encoders' gradients nothing
        changes but the count `nonfinite`: the step is left to the gradient scaler, or to you. Raises RuntimeError after
        `remove()`, where a newer Balancer took an encoder over, and without a forward since the last call.
        """
        self._taps.check_watching()
        targets, present = self._given.taken(targets, present, refused=self._taps.take)
        if targets is not None:
            self._taps.drop_failed({m: rows_of(targets, present.get(m)) for m in self._hooked})
        features = self._taps.take()  # at once: an update that fails leaves nothing to the next
        self.params = self._taps.params = self._owned.current()
        if ranks() == 1:  # of several, another may have seen what this one has not
            check_attached(self.params, self._taps.never_fired())
        check_unscaled(self._scaler)
        if not (self.measure or self.act):
            check_forward(self._taps.called)
            self.index += 1
            return Readings()
        self._taps.watch.silent = True
        try:
            with torch.no_grad():
                return self._update(replace(self._step(features, targets), present=present))
        finally:
            self._taps.watch.silent = bool(self._taps.ended)

    def forget(self) -> None:
        """Drop what was seen since the last update: after forwards that no update will follow."""
        self._taps.take()
        self._given.forget()

    def idle(self, optimizer: torch.optim.Optimizer) -> bool:
        """Tell whether no parameter of an optimizer has a gradient, since all it holds was skipped or held.

        `GradScaler.step` refuses such an optimizer ("No inf checks were recorded"): leave it out in this update.
        """
        return all(p.grad is None for group in optimizer.param_groups for p in group["params"])

    def _step(self, features: dict[str, Tensor], targets: Tensor | None) -> Step:
        norms = {m: local_norm(p.values()) for m, p in self.params.items() if m not in self.skipping}
        present = {m: n for m, n in norms.items() if n is not None}
        for m in [m for m in self._taps.seen if m in norms and m not in present]:
            check_trainable(m, self.params[m], self.index)
        used = self._taps.seen | (present.keys() - self._hooked)
        return Step(self.index, self.params, features, targets, used, self.skipping & used, self.readings, present)

    def _update(self, step: Step) -> Readings:
        due = [d for d in self.measure if step.index % d.every == 0]
        found = exchange(due, step, self._layout)
        self._seen |= found.used
        check_attached(self.params, set(self._taps.never_fired()) - self._seen)
        check_forward(self._taps.called)
        self.skipped, self.held = self.skipping & found.used, frozenset()
        if not found.finite:
            self.nonfinite += 1
            return Readings()
        used = found.used | self._unseen.of(step, found.used, self._taps.evaluated, self._taps.ungraded())
        self.skipped = self.skipping & used
        self.left_out.add(found.spoilt)
        step = replace(step, used=used, skipped=self.skipped)
        self._uncut()
        for name, values in found.readings.items():
            self.readings.note(name, values)
        for monitor in due:
            monitor.learn(step, found.sums[monitor.name])
            self._derive(monitor, found.readings)
        for intervention in self.act:
            intervention.adjust(step)
        self._count(step)
        self.index += 1
        self._ask()
        return found.readings

    def _derive(self, monitor: Monitor, now: Readings) -> None:
        """Let a monitor make numbers of this update's other readings, where all that it reads were measured."""
        if monitor.reads and all(now.get(name) for name in monitor.reads):
            made = self.left_out.finite(monitor.name, monitor.derive(self.index, now))
            now[monitor.name].update(made)
            self.readings[monitor.name].update(made)

    def _uncut(self) -> None:
        """Drop what gradient a skipped encoder still has, zeros of `set_to_none=False` included: None alone means no update."""
        for modality in self.skipping:
            for parameter in self.params[modality].values():
                parameter.grad = None

    def _count(self, step: Step) -> None:
        moved = {m for m in step.norms if any(True for _ in step.with_grad(m))}
        self.held = frozenset(m for m in step.norms if m in step.used and m not in moved)
        skipped = {m for m in self.skipped if any(p.requires_grad for p in self.params[m].values())}  # frozen: nothing was left
        for kind, modalities in zip(COUNTED, (moved, skipped, self.held), strict=True):
            for m in modalities:
                self.tally[m][kind] += 1

    def _ask(self) -> None:
        """Decide whom the next forward cuts."""
        asked = {m: part for part in self.act for m in part.skips(self.index, self.readings)}
        if unknown := sorted(asked.keys() - self.params.keys()):
            raise ValueError(f"{asked[unknown[0]]!r} skips {unknown}; the modalities are {sorted(self.params)}")
        if uncut := sorted(asked.keys() - self._hooked):
            raise ValueError(
                f"{asked[uncut[0]]!r} skips {uncut}, given as parameter names: without a module nothing can be cut"
            )
        self._taps.cut = frozenset(asked)

    def _parts(self) -> dict[str, Stateful]:
        looking: dict[str, Stateful] = {f"measure.{d.name}": d for d in self.measure}
        return looking | {f"act.{n}.{type(part).__name__}": part for n, part in enumerate(self.act)}

    def state_dict(self) -> dict[str, Any]:
        """Return all memory, to be saved between two updates; `torch.load(weights_only=True)` reads it."""
        return {
            "index": self.index,
            "nonfinite": self.nonfinite,
            "left_out": self.left_out.plain(),
            "skipping": sorted(self.skipping),
            "readings": {name: dict(values) for name, values in self.readings.items()},
            "tally": {m: dict(counts) for m, counts in self.tally.items()},
            "parts": {name: part.state_dict() for name, part in self._parts().items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken. ValueError, and nothing taken, for a damaged or another pipeline's state."""
        parts = self._parts()
        self.params = self._taps.params = self._owned.current()
        check_state(state, parts, self.params, self._hooked)
        check_shards(state["parts"], self.params)
        take(parts, state["parts"])
        self.index, self.nonfinite = state["index"], state["nonfinite"]
        self.left_out = LeftOut(LeftOut(state.get("left_out", {})).plain())
        self.tally = {m: dict(counts) for m, counts in state["tally"].items()}
        self.readings = Readings(state["readings"], awaited=self.readings.awaited, modalities=self.params)
        self._taps.cut = frozenset(state["skipping"])

    def summary(self) -> str:
        """Say in words what every modality got so far.

        >>> import torch
        >>> from asgml import Balancer, recipes
        >>> print(Balancer({"audio": torch.nn.Linear(2, 2)}, recipes.frequency("audio", k=2)).summary())
        audio: 0 updates, 0 skipped, 0 held
        """
        accounts = [part.account() for part in self.act]
        if self.index:
            never = set(self._taps.never_fired()) - self._seen
            accounts.append(self._unseen.account(self.params, never, self._taps.ungraded()))
        lines = []
        for m, counts in self.tally.items():
            words = [f"{counts['updated']} updates", f"{counts['skipped']} skipped", f"{counts['held']} held"]
            lines.append(f"{m}: " + ", ".join([*words, *(a[m] for a in accounts if m in a)]))
        lines += self.left_out.lines()
        return "\n".join(lines + ([f"{self.nonfinite} updates had gradients that were not finite"] if self.nonfinite else []))

    def __repr__(self) -> str:
        parts = "".join(f",\n  {kind}={list(parts)}" for kind, parts in (("measure", self.measure), ("act", self.act)) if parts)
        return f"Balancer({list(self.params)}{parts})"
