"""A plain training loop with a Balancer in it."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from asgml import Balancer, Recipe, parameter_groups
from asgml.diagnostics import GradNorm
from asgml.lab import augment, config
from asgml.lab.augment import augmented
from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.models.modal import Modal
from asgml.lab.tasks._base import Online, Task
from asgml.lab.training import seeding
from asgml.lab.training.cost import Meter
from asgml.lab.training.device import place
from asgml.lab.training.evaluation import Samples
from asgml.lab.training.objectives import Objective
from asgml.lab.training.plan import Plan
from asgml.lab.training.scene import Batch, Scene

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


def _fitted(samples: Samples, seed: int) -> list[Batch]:
    """Return the first training rows in an order of their own, in batches."""
    return [samples.rows(rows) for rows in seeding.order(len(samples.labels), FITTED, seed, "fitted")[:MOST]]


@dataclass
class Trainer:
    """Model, objective, optimizer, schedule and Balancer of one cell, and the epoch they have reached."""

    train: config.Train
    seed: int
    task: Task
    model: LateFusion
    objective: Objective
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler
    balancer: Balancer
    probe: Online
    meter: Meter
    epoch: int = 0
    """Epochs that are done."""
    parts: tuple[str, ...] = field(default=("model", "objective", "optimizer", "scheduler", "balancer", "meter"), init=False)

    @classmethod
    def make(cls, cell: config.Cell, plan: Plan, samples: Samples, task: Task, steer: Samples | None = None) -> Trainer:
        """Build everything from a cell's config, from its seed alone."""
        one = samples.rows(slice(1))[0]
        augment.check(one, cell.train.augment)
        model, objective = LateFusion(one, cell.model, task.size, cell.seed), plan.objective
        model.transform = plan.transform(list(model.encoders))
        objective.prepare(dict.fromkeys(model.encoders, cell.model.feature_dim), task.size, cell.seed)
        objective.use(task.loss)
        objective.attach(model)
        place(model, samples.device, cell.train.amp)
        objective.to(samples.device)
        train = cell.train.model_copy(update={"epochs": cell.epochs})
        optimizer = optimizer_of(model, objective, plan, train)
        steps = len(seeding.order(len(samples.labels), train.batch_size, cell.seed))
        meter = Meter.of(model, objective, samples.rows(slice(train.batch_size)))
        held_out = (steer.batches(), _fitted(samples.whole(), cell.seed)) if steer else ()
        scene, online = Scene(model, task, steps, cell.seed, *held_out), task.online()
        balancer = Balancer(dict(model.encoders.items()), Recipe(measure=(GradNorm(), online)) + plan.recipe(scene))
        probe = next(d for d in balancer.measure if isinstance(d, type(online)))
        return cls(train, cell.seed, task, model, objective, optimizer, schedule(optimizer, train), balancer, probe, meter)

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
        with seeding.seeded(self.seed, "epoch", self.epoch), counting:
            order = seeding.order(len(samples.labels), self.train.batch_size, self.seed, "order", self.epoch)
            for n, rows in enumerate(order):
                inputs, targets = samples.rows(rows)
                steps.append(self.run_step(augmented(inputs, self.train.augment, self.seed, self.epoch, n), targets))
        self.scheduler.step()
        shares = {f"{kind}_share": {m: sum(m in s[kind] for s in steps) / len(steps) for m in self.model.encoders}
                  for kind in ("skipped", "held")}  # fmt: skip
        head = {"kind": "epoch", "epoch": self.epoch, "step": self.balancer.index,
                "seconds": time.perf_counter() - began, "flops": self.meter.epoch(steps)}  # fmt: skip
        return steps, head | shares

    def run_step(self, inputs: Modal, targets: torch.Tensor) -> dict[str, Any]:
        """Make one update; return its record."""
        step, lr = self.balancer.index, self.optimizer.param_groups[-1]["lr"]
        logits, features = self.model(inputs)
        loss = self.objective(logits, features, targets)
        self._must_be_finite("loss", loss.item(), step)
        loss.backward()
        total = nn.utils.get_total_norm([p.grad for p in self._weights() if p.grad is not None]).item()
        self._must_be_finite("gradient norm", total, step)
        readings = self.balancer.adjust(targets, present=inputs.present)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return {
            "kind": "step", "step": step, "epoch": self.epoch, "loss": loss.item(), "lr": lr, "total_norm": total,
            "grad_norm": readings.pop("grad_norm"), "skipped": sorted(self.balancer.skipped),
            "held": sorted(self.balancer.held), "readings": {n: v for n, v in readings.items() if n != self.probe.name and v},
        }  # fmt: skip

    def _weights(self) -> list[nn.Parameter]:
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    def _must_be_finite(self, what: str, value: float, step: int) -> None:
        if not math.isfinite(value):
            raise Diverged(f"the {what} is {value} at epoch {self.epoch}, step {step}; a smaller train.lr may help")
