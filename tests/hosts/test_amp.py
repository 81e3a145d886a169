"""Mixed precision: unscale, adjust, clip, step; an overflow never reaches a queue; the wrong order is told."""

import pytest
import torch
from torch import nn

import toy
from asgml import Balancer, Recipe, recipes
from asgml.interventions import Delay
from asgml.monitors import GradNorm, Probe
from toy import TWO, identical

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
RECIPE = Recipe((GradNorm(), Probe(toy.CLASSES))) + recipes.frequency("visual", k=3) + recipes.staleness("audio", tau=2)


class Scaled:
    """A loop with a GradScaler, and what it leaves behind."""

    def __init__(self, recipe, *, scale=1024.0, spoil=(), autocast=None, clip=None, check=True):
        self.model = toy.Toy(TWO).to(DEVICE)
        self.scaler = torch.amp.GradScaler(DEVICE, init_scale=scale, growth_interval=1000)
        self.balancer = Balancer(dict(self.model.encoders.items()), recipe, scaler=self.scaler if check else None)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9)
        self.spoil, self.autocast, self.clip, self.norms = set(spoil), autocast, clip, []

    def train(self, steps):
        for t, (inputs, labels) in enumerate(toy.batches(TWO, steps)):
            inputs, labels = {m: x.to(DEVICE) for m, x in inputs.items()}, labels.to(DEVICE)
            with torch.autocast(DEVICE, dtype=self.autocast or torch.bfloat16, enabled=self.autocast is not None):
                loss = nn.functional.cross_entropy(self.model(inputs).float(), labels)
            self.scaler.scale(loss).backward()
            if t in self.spoil:
                self.model.encoders["audio"].first.weight.grad[0, 0] = float("inf")
            self.scaler.unscale_(self.optimizer)
            self.norms.append(self.balancer.adjust(labels).get("grad_norm"))
            if self.clip:
                nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.optimizer.zero_grad()
        return self

    def weights(self):
        return {n: p.detach().cpu() for n, p in self.model.named_parameters()}


def plain(recipe, steps):
    run = toy.start(TWO, recipe)
    run.optimizer = torch.optim.SGD(run.model.parameters(), lr=0.1, momentum=0.9)
    return toy.advance(run, toy.batches(TWO, steps))


def test_a_scaled_loop_equals_the_plain_one_and_norms_are_unscaled():
    ours, theirs = Scaled(RECIPE).train(8), plain(RECIPE, 8)
    torch.testing.assert_close(ours.weights(), theirs.weights(), rtol=1e-4, atol=1e-6)
    assert ours.norms[-1] == pytest.approx(theirs.balancer.readings["grad_norm"], rel=1e-4)


@pytest.mark.parametrize("spoil", [[0], [3], [2, 3, 6]])
def test_overflow_steps_reach_no_queue_and_no_count(spoil):
    """The steps that overflow are as if their batches had not been: the queue holds only gradients that were finite."""
    ours = Scaled(Recipe((GradNorm(),), (Delay({"audio": 2}),)), spoil=spoil).train(8)
    assert ours.balancer.nonfinite == len(spoil)
    assert ours.balancer.index == 8 - len(spoil)
    queue = ours.balancer.state_dict()["parts"]["act.0.Delay"]["queues"]["audio"]
    assert all(g.isfinite().all() for grads in queue for g in grads.values())
    run = toy.start(TWO, Recipe((GradNorm(),), (Delay({"audio": 2}),)))
    run.optimizer = torch.optim.SGD(run.model.parameters(), lr=0.1, momentum=0.9)
    toy.advance(run, [b for t, b in enumerate(toy.batches(TWO, 8)) if t not in spoil])
    torch.testing.assert_close(ours.weights(), run.weights(), rtol=1e-3, atol=1e-5)


def test_clipping_comes_after_adjust():
    ours = Scaled(Recipe((GradNorm(),), (Delay({"audio": 1}),)), clip=1e-3).train(4)
    assert all(norm["audio"] > 1e-2 for norm in ours.norms), "the norm before clipping"
    assert (
        sum(
            p.detach().sub(q).norm() for p, q in zip(ours.model.parameters(), toy.Toy(TWO).to(DEVICE).parameters(), strict=True)
        )
        < 0.01
    )


def test_bf16_autocast_trains_and_probes_in_float32():
    ours = Scaled(RECIPE, autocast=torch.bfloat16).train(8)
    memory = ours.balancer.state_dict()["parts"]["measure.probe"]
    assert all(t.dtype == torch.float32 for m in memory.values() for t in m.values())
    assert ours.balancer.nonfinite == 0
    assert all(w.isfinite().all() for w in ours.weights().values())


def test_forgetting_to_unscale_is_an_error():
    run = Scaled(Recipe((GradNorm(),)))
    inputs, labels = toy.batches(TWO, 1)[0]
    run.scaler.scale(
        nn.functional.cross_entropy(run.model({m: x.to(DEVICE) for m, x in inputs.items()}), labels.to(DEVICE))
    ).backward()
    with pytest.raises(RuntimeError, match=r"the gradients are still scaled: call `scaler\.unscale_\(optimizer\)` before"):
        run.balancer.adjust(labels.to(DEVICE))


def test_a_disabled_scaler_asks_for_nothing():
    model = toy.Toy(TWO)
    balancer = Balancer(dict(model.encoders.items()), Recipe((GradNorm(),)), scaler=torch.amp.GradScaler(DEVICE, enabled=False))
    inputs, labels = toy.batches(TWO, 1)[0]
    nn.functional.cross_entropy(model(inputs), labels).backward()
    assert balancer.adjust(labels)


def test_an_optimizer_all_of_whose_parameters_rest_is_left_out():
    """GradScaler would raise "No inf checks were recorded for this optimizer"."""
    model = toy.Toy(TWO).to(DEVICE)
    scaler = torch.amp.GradScaler(DEVICE)
    balancer = Balancer(dict(model.encoders.items()), recipes.frequency("visual", k=2), scaler=scaler)
    parts = [model.encoders["audio"], model.encoders["visual"], model.heads]
    optimizers = [torch.optim.SGD(part.parameters(), lr=0.1) for part in parts]
    left_out = []
    for inputs, labels in toy.batches(TWO, 4):
        scaler.scale(
            nn.functional.cross_entropy(model({m: x.to(DEVICE) for m, x in inputs.items()}), labels.to(DEVICE))
        ).backward()
        active = [o for o in optimizers if not balancer.idle(o)]
        for optimizer in active:
            scaler.unscale_(optimizer)
        balancer.adjust(labels.to(DEVICE))
        for optimizer in active:
            if not balancer.idle(optimizer):
                scaler.step(optimizer)
            optimizer.zero_grad()
        scaler.update()
        left_out.append(len(optimizers) - len(active))
    assert left_out == [0, 1, 0, 1]
    assert identical(balancer.tally["visual"], {"updated": 2, "skipped": 2, "held": 0})
