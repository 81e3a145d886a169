"""Plain PyTorch: accumulation, clipping, several optimizers, schedulers, fused and foreach, gradients set to None or zero."""

import pytest
import torch
from torch import nn

import toy
from asgml import Balancer, Recipe, recipes
from asgml.interventions import Delay, Skip
from asgml.monitors import GradNorm, Probe
from asgml.policies import Constant, OneIn
from toy import THREE, TWO, identical

RECIPE = Recipe((GradNorm(), Probe(toy.CLASSES))) + recipes.frequency("visual", k=2) + recipes.staleness("audio", tau=2)


def by_hand(modalities, steps, tau, k, make_optimizers, clip=None):
    """The same training without asgml: detach in the forward, exchange gradients in a list."""
    model, queue = toy.Toy(modalities), []
    optimizers, schedulers = make_optimizers(model)
    for t, (inputs, labels) in enumerate(toy.batches(modalities, steps)):
        terms = []
        for m in toy.WIDTH:
            if m in inputs:
                feature = model.encoders[m](inputs[m])
                terms.append(model.heads[m](feature.detach() if m == "visual" and t % k == k - 1 else feature))
        nn.functional.cross_entropy(torch.stack(terms).sum(0), labels).backward()
        audio = [p for p in model.encoders["audio"].parameters() if p.grad is not None]
        queue.append([p.grad for p in audio])
        due = queue.pop(0) if len(queue) > tau else [None] * len(audio)
        for p, g in zip(audio, due, strict=True):
            p.grad = g
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        for scheduler in schedulers:
            scheduler.step()
    return {n: p.detach() for n, p in model.named_parameters()}


def with_asgml(modalities, steps, make_optimizers, clip=None, set_to_none=True):
    model = toy.Toy(modalities)
    balancer = Balancer(dict(model.encoders.items()), RECIPE)
    optimizers, schedulers = make_optimizers(model)
    for inputs, labels in toy.batches(modalities, steps):
        nn.functional.cross_entropy(model(inputs), labels).backward()
        balancer.adjust(labels)
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=set_to_none)
        for scheduler in schedulers:
            scheduler.step()
    return {n: p.detach() for n, p in model.named_parameters()}


def one(kind, **settings):
    return lambda model: ([kind(model.parameters(), **settings)], [])


def one_each(model):
    groups = [*[e.parameters() for e in model.encoders.values()], model.heads.parameters()]
    return [torch.optim.AdamW(g, lr=0.01 * (n + 1)) for n, g in enumerate(groups)], []


def scheduled(model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    return [optimizer], [torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 8)]


LOOPS = {
    "SGD": one(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True),
    "AdamW": one(torch.optim.AdamW, lr=0.05),
    "AdamW foreach": one(torch.optim.AdamW, lr=0.05, foreach=True),
    "AdamW fused": one(torch.optim.AdamW, lr=0.05, fused=True),
    "RMSprop": one(torch.optim.RMSprop, lr=0.01),
    "one optimizer per encoder": one_each,
    "scheduled": scheduled,
}


@pytest.mark.parametrize("modalities", [TWO, THREE])
@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("clip", [None, 0.05])
def test_it_equals_the_loop_written_by_hand(modalities, name, clip):
    ours = with_asgml(modalities, 8, LOOPS[name], clip)
    assert identical(ours, by_hand(modalities, 8, 2, 2, LOOPS[name], clip))


@pytest.mark.parametrize("name", LOOPS)
def test_gradients_set_to_zero_instead_of_none_change_nothing(name):
    assert identical(with_asgml(TWO, 8, LOOPS[name], set_to_none=False), with_asgml(TWO, 8, LOOPS[name]))


@pytest.mark.parametrize("micro", [2, 4])
@pytest.mark.parametrize("marks", [True, False])
def test_accumulation_with_targets_per_micro_batch(micro, marks):
    def train(parts):
        model = toy.Toy(TWO)
        balancer = Balancer(dict(model.encoders.items()), RECIPE, model=model if marks else None)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for inputs, labels in toy.batches(TWO, 6):
            for piece in zip(*[x.chunk(parts) for x in (*inputs.values(), labels)], strict=True):
                (nn.functional.cross_entropy(model(dict(zip(inputs, piece, strict=False))), piece[-1]) / parts).backward()
                balancer.observe(piece[-1])
            balancer.adjust()
            optimizer.step()
            optimizer.zero_grad()
        return model, balancer

    (several, ours), (whole, theirs) = train(micro), train(1)
    torch.testing.assert_close(dict(several.named_parameters()), dict(whole.named_parameters()), rtol=1e-4, atol=1e-6)
    assert ours.tally == theirs.tally
    assert ours.readings["probe"] == pytest.approx(theirs.readings["probe"])


def test_an_optimizer_with_nothing_to_step_is_told():
    model = toy.Toy(TWO)
    balancer = Balancer(dict(model.encoders.items()), Recipe(act=(Skip(OneIn(2, "visual", phase=1)), Delay({"audio": 1}))))
    optimizers, _ = one_each(model)
    seen = []
    for inputs, labels in toy.batches(TWO, 3):
        nn.functional.cross_entropy(model(inputs), labels).backward()
        balancer.adjust(labels)
        seen.append([balancer.idle(o) for o in optimizers])
        for o in optimizers:
            o.zero_grad()
    assert seen == [[True, True, False], [False, False, False], [False, True, False]], "held, then skipped"


@pytest.mark.parametrize("rows", [0, 1])
def test_empty_and_single_sample_batches(rows):
    model = toy.Toy(TWO)
    balancer = Balancer(
        dict(model.encoders.items()), Recipe((GradNorm(), Probe(toy.CLASSES)), (Skip(Constant({"audio": False})),))
    )
    inputs, labels = toy.batches(TWO, 1)[0]
    inputs, labels = {m: x[:rows] for m, x in inputs.items()}, labels[:rows]
    nn.functional.cross_entropy(model(inputs), labels, reduction="sum").backward()
    readings = balancer.adjust(labels)
    assert set(readings["grad_norm"]) == {"audio", "visual"}
    assert set(readings["probe"]) == (set() if rows == 0 else {"audio", "visual"})
    state = toy.through_file(balancer.state_dict())["parts"]["measure.probe"]
    assert all(t.isfinite().all() for memory in state.values() for t in memory.values())
