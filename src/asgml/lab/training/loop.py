"""A plain training loop with a Balancer in it."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from asgml import Balancer, Recipe, parameter_groups
from asgml.lab import augment, config, memory
from asgml.lab.augment import augmented
from asgml.lab.config.augment import Settled
from asgml.lab.methods._context import Batch, Context
from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.models.modal import Modal
from asgml.lab.tasks._base import Online, Task
from asgml.lab.training import ranks, seeding
from asgml.lab.training.cost import Meter
from asgml.lab.training.device import place
from asgml.lab.training.evaluation import Samples
from asgml.lab.training.objectives import Objective
from asgml.lab.training.plan import Plan
from asgml.monitors import GradNorm

FITTED, MOST = 256, 16
"""Training rows of a batch that a probe is fitted to, and batches that are kept for it."""


class Diverged(Exception):
    """The loss or a gradient is no longer a finite number."""


def schedule(optimizer: torch.optim.Optimizer, train: config.Train) -> torch.optim.lr_scheduler.LRScheduler:
    """Return the learning rate's schedule over epochs."""
    kinds = torch.optim.lr_scheduler
    if train.schedule == "cosine":
        return kinds.CosineAnnealingLR(optimizer, train.epochs)
    return kinds.MultiStepLR(optimizer, [math.ceil(0.7 * train.epochs)] if train.schedule == "step" else [], 0.1)


def optimizer_of(model: LateFusion, objective: Objective, plan: Plan, train: config.Train) -> torch.optim.SGD:
    """Return SGD with momentum over the model and the objective, with the plan's factors on the learning rate."""
    assert train.lr is not None
    assert train.weight_decay is not None
    lr = train.lr * plan.factors.get(None, 1.0)
    factors = {m: factor for m, factor in plan.factors.items() if m is not None}
    groups = parameter_groups(model, dict(model.encoders.items()), lr, factors)
    groups[-1]["params"] = [*groups[-1]["params"], *objective.parameters()]
    return torch.optim.SGD(groups, lr, train.momentum, weight_decay=train.weight_decay)


def built(cell: config.Cell, plan: Plan, inputs: Mapping[str, torch.Tensor], size: int) -> tuple[LateFusion, Objective]:
    """Return model and objective before the first step; `inputs` are samples, modality -> (N, ...), `size` the task's."""
    model, objective = LateFusion(inputs, cell.model, size, cell.seed), plan.objective
    model.transform = plan.transform(list(model.encoders))
    objective.prepare(dict.fromkeys(model.encoders, cell.model.feature_dim), size, cell.seed)
    objective.attach(model)
    return model, objective


def _fitted(samples: Samples, seed: int) -> list[Batch]:
    """Return the first training rows in an order of their own, in batches."""
    return [samples.rows(rows) for rows in seeding.order(len(samples.labels), FITTED, seed, "fitted")[:MOST]]


def _order(samples: Samples, train: config.Train, *purpose: str | int) -> list[torch.Tensor]:
    """Return the rows of every batch; each process has two of them at least, as batch norm needs."""
    return seeding.order(len(samples.labels), train.batch_size, *purpose, least=2 * train.processes)


@dataclass
class Trainer:
    """Model, objective, optimizer, schedule and Balancer of one cell, and the epoch they have reached."""

    train: config.Train
    seed: int
    task: Task
    model: LateFusion
    objective: Objective
    whole: nn.Module
    """Both, as they are called while training."""
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler
    balancer: Balancer
    probe: Online
    meter: Meter
    changes: Mapping[str, Settled] = field(default_factory=dict)
    """Modality -> how its training samples are changed."""
    epoch: int = 0
    """Epochs that are done."""
    parts: tuple[str, ...] = field(default=("model", "objective", "optimizer", "scheduler", "balancer", "meter"), init=False)

    @classmethod
    def make(
        cls, cell: config.Cell, plan: Plan, samples: Samples, task: Task, steer: Samples | None = None,
        kinds: Mapping[str, str] | None = None,
    ) -> Trainer:  # fmt: skip
        """Build everything from a cell's config, from its seed alone; `kinds`: modality -> what it holds, its name if None."""
        one = samples.rows(slice(1))[0]
        changes = cell.train.augment.of(kinds or {m: m for m in one}) if cell.train.augment else {}
        augment.check(one, changes)
        model, objective = built(cell, plan, one, task.size)
        objective.use(task.loss)
        place(model, samples.device, cell.train.amp)
        objective.to(samples.device)
        train = cell.train.model_copy(update={"epochs": cell.epochs})
        optimizer = optimizer_of(model, objective, plan, train)
        steps = len(_order(samples, train, cell.seed))
        meter = Meter.of(model, objective, samples.rows(slice(train.batch_size)))
        held_out = (steer.batches(), _fitted(samples.whole(), cell.seed)) if steer else ()
        context, online = Context(model, task, steps, cell.seed, *held_out), task.online()
        whole, recipe = ranks.parallel(model, objective), Recipe(measure=(GradNorm(), online)) + plan.recipe(context)
        balancer = Balancer(dict(model.encoders.items()), recipe, model=whole if ranks.count() > 1 else None)
        probe = next(d for d in balancer.measure if isinstance(d, type(online)))
        return cls(
            train, cell.seed, task, model, objective, whole, optimizer, schedule(optimizer, train), balancer, probe, meter,
            changes,
        )  # fmt: skip

    def state_dict(self) -> dict[str, Any]:
        """Return all that a later process needs to go on bit for bit."""
        return {"epoch": self.epoch} | {name: getattr(self, name).state_dict() for name in self.parts}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.epoch = state["epoch"]
        for name in self.parts:
            getattr(self, name).load_state_dict(state[name])

    def run_epoch(self, samples: Samples) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Train one epoch; return its step records, and its epoch record's head: cost, shares of skipped and held updates."""
        began, steps = time.perf_counter(), list[dict[str, Any]]()
        self.epoch += 1
        self.model.train()
        counting = self.meter.first_epoch(steps) if self.epoch == 1 else contextlib.nullcontext()
        with seeding.seeded(self.seed, "epoch", self.epoch, *ranks.own()), counting:
            for n, rows in enumerate(_order(samples, self.train, self.seed, "order", self.epoch)):
                inputs, targets = samples.rows(ranks.share(rows))
                changed = augmented(inputs, self.changes, self.seed, self.epoch, n, *ranks.own())
                steps.append(self.run_step(changed, targets, len(targets) * ranks.count() / len(rows)))
        self.scheduler.step()
        shares = {f"{kind}_share": {m: sum(m in s[kind] for s in steps) / len(steps) for m in self.model.encoders}
                  for kind in ("skipped", "held")}  # fmt: skip
        updates = {m: sum(m not in s["skipped"] and m not in s["held"] for s in steps) for m in self.model.encoders}
        head = {"kind": "epoch", "epoch": self.epoch, "step": self.balancer.index, "steps": len(steps),
                "samples": len(samples.labels), "seconds": time.perf_counter() - began, "peak_memory": memory.peak(),
                "flops": self.meter.epoch(steps), "updates": updates}  # fmt: skip
        return steps, head | shares

    def run_step(self, inputs: Modal, targets: torch.Tensor, weight: float = 1.0) -> dict[str, Any]:
        """Make one update; return its record. `weight` is what these rows count in the mean over processes."""
        step, lr = self.balancer.index, self.optimizer.param_groups[-1]["lr"]
        loss = self.whole(inputs, targets) * weight
        value = ranks.mean(loss)
        self._must_be_finite("loss", value, step)
        loss.backward()
        total = nn.utils.get_total_norm([p.grad for p in self._weights() if p.grad is not None]).item()
        self._must_be_finite("gradient norm", total, step)
        readings = self.balancer.adjust(targets, present=inputs.present)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return {
            "kind": "step", "step": step, "epoch": self.epoch, "loss": value, "lr": lr, "total_norm": total,
            "grad_norm": readings.pop("grad_norm"), "skipped": sorted(self.balancer.skipped),
            "held": sorted(self.balancer.held), "readings": {n: v for n, v in readings.items() if n != self.probe.name and v},
            "applied": self._applied(),
        }  # fmt: skip

    def _applied(self) -> dict[str, dict[str, float]]:
        """Return what the interventions did in this update; factors of several on one modality multiply."""
        found: dict[str, dict[str, float]] = {}
        for kind, at in (item for part in self.balancer.act for item in part.applied().items()):
            known = found.setdefault(kind, {})
            known |= {m: value * known.get(m, 1) for m, value in at.items()}
        return found

    def _weights(self) -> list[nn.Parameter]:
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    def _must_be_finite(self, what: str, value: float, step: int) -> None:
        if not math.isfinite(value):
            raise Diverged(f"the {what} is {value} at epoch {self.epoch}, step {step}; a smaller train.lr may help")
