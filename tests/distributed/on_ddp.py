"""What every rank does under DistributedDataParallel."""

import contextlib
from copy import deepcopy

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import asgml._ranks
import toy
from asgml import Balancer
from table import ROWS


def half(batch, parts=None):
    """Return this rank's rows of a batch."""
    inputs, labels = batch
    n, rank = parts or dist.get_world_size(), dist.get_rank()
    return {m: x.chunk(n)[rank] for m, x in inputs.items()}, labels.chunk(n)[rank]


def made(recipe, model):
    """Return a recipe; one that needs the model comes as a function of it."""
    return recipe(model) if callable(recipe) else recipe


def start(modalities, recipe, **ddp):
    """Return a toy run of which the optimizer is SGD and the model is wrapped."""
    run = toy.start(modalities, None, bare=True, optimizer="sgd")
    wrapped = DistributedDataParallel(run.model, find_unused_parameters=True, **ddp)
    run.balancer = Balancer(dict(run.model.encoders.items()), made(recipe, run.model), model=wrapped)
    return run, wrapped


def trace_of(balancer, adjusted, state=None):
    """Return what an update decided, in plain values, and the state after it, or another one."""
    return {
        "adjusted": {name: dict(values) for name, values in adjusted.items()},
        "skipped": sorted(balancer.skipped),
        "held": sorted(balancer.held),
        "state": state or deepcopy(balancer.state_dict()),
    }


def train(run, model, data, *, micro=1, spoil=lambda t, net: None):
    """Train on this rank's data; return a trace per step, the last as a checkpoint keeps it, and the weights."""
    trace = []
    for t, (inputs, labels) in enumerate(data):
        run.model.batch = (inputs, labels)
        parts = [*zip(*[x.chunk(micro) for x in (*inputs.values(), labels)], strict=True)]
        for n, part in enumerate(parts):
            last = n == len(parts) - 1 or not isinstance(model, DistributedDataParallel)
            with contextlib.nullcontext() if last else model.no_sync():
                loss = nn.functional.cross_entropy(model(dict(zip(inputs, part[:-1], strict=True))), part[-1])
                (loss / micro).backward()
        spoil(t, run.model)
        trace.append(trace_of(run.balancer, run.balancer.adjust(labels)))
        run.optimizer.step()
        run.optimizer.zero_grad()
    return [*trace[:-1], *map(toy.through_file, trace[-1:])], run.weights()


def evaluated(modalities, recipe):
    """Call the bare model in eval mode with gradients on, as a diagnosis does; return the tally of the update after it."""
    run, wrapped = start(modalities, recipe)
    (inputs, labels), other = map(half, toy.batches(modalities, 2))
    run.model.eval()
    logits = run.model(other[0])
    taught = torch.autograd.grad(logits.sum(), [*run.model.encoders["audio"].parameters()], allow_unused=True)
    run.model.train()
    train(run, wrapped, [(inputs, labels)])
    return dict(run.balancer.tally["audio"]), [g is not None for g in taught]


@contextlib.contextmanager
def counted():
    """Count the collectives that asgml asks for."""
    calls, real = [], asgml._ranks.dist

    class Counting:
        def __getattr__(self, name):
            def call(*args, **kwargs):
                calls.append(name)
                return getattr(real, name)(*args, **kwargs)

            return call if name in {"all_reduce", "all_gather_object"} else getattr(real, name)

    asgml._ranks.dist = Counting()
    try:
        yield calls
    finally:
        asgml._ranks.dist = real


def row(name, modalities, micro=1, ddp=None):
    """Run a row of the table, each rank with its half of every batch."""
    run, wrapped = start(modalities, ROWS[name].recipe(modalities), **(ddp or {}))
    return train(run, wrapped, [half(b) for b in toy.batches(modalities, 8)], micro=micro)


def planned(modalities, plan):
    """Return this rank's batches: at step t, rows `plan[t][rank]`, and of the modalities those that it names."""
    data = []
    for (inputs, labels), here in zip(toy.batches(modalities, len(plan)), plan, strict=True):
        (first, last), present = here[dist.get_rank()]
        data.append(({m: inputs[m][first:last] for m in present}, labels[first:last]))
    return data


def by_plan(name, modalities, plan):
    """Run a row on batches of a plan."""
    run, wrapped = start(modalities, ROWS[name].recipe(modalities))
    return train(run, wrapped, planned(modalities, plan))


def frozen_by_plan(recipe, modalities, plan):
    """Return the readings of every step of a model that does not learn, so that its features are known."""
    run, wrapped = start(modalities, recipe)
    run.optimizer = torch.optim.SGD(run.model.parameters(), lr=0.0)
    return [step["adjusted"] for step in train(run, wrapped, planned(modalities, plan))[0]]


def overflowing(name, modalities, at):
    """Run a row where rank 1 alone finds an infinite gradient at one step, which is then left out as a scaler does."""
    run, wrapped = start(modalities, ROWS[name].recipe(modalities))
    data = [half(b) for b in toy.batches(modalities, 8)]
    before = train(run, wrapped, data[:at])
    step, run.optimizer.step = run.optimizer.step, lambda: None
    spoilt = train(run, wrapped, data[at : at + 1], spoil=spoil)
    run.optimizer.step = step
    return before, spoilt, train(run, wrapped, data[at + 1 :])


def spoil(t, net):
    """Put an infinite number into one gradient of rank 1."""
    if dist.get_rank() == 1:
        next(p.grad for p in net.encoders.parameters() if p.grad is not None)[0] = float("inf")


def collectives(name, modalities):
    """Return what asgml asked for in every update, and in the updates of a Balancer without parts."""
    found = []
    for recipe in (ROWS[name].recipe(modalities), None):
        run, wrapped = start(modalities, recipe)
        per_step = []
        for batch in toy.batches(modalities, 4):
            with counted() as calls:
                train(run, wrapped, [half(batch)])
            per_step.append(calls)
        found.append(per_step)
    return found


def words_of(build):
    """Return what an attempt was refused with."""
    try:
        build()
    except (TypeError, ValueError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"
    return "not refused"


def refusals():
    """Return what is said to every Skip that cannot work, and to a Delay."""
    net = toy.Toy(toy.TWO)
    encoders = dict(net.encoders.items())
    skip, delay = ROWS["Skip OneIn"].recipe(toy.TWO), ROWS["Delay"].recipe(toy.TWO)
    wrapped, static = DistributedDataParallel(net), DistributedDataParallel(net, static_graph=True)
    return {
        "no model": words_of(lambda: Balancer(encoders, skip)),
        "plain": words_of(lambda: Balancer(encoders, skip, model=wrapped)),
        "compiled": words_of(lambda: Balancer(encoders, skip, model=torch.compile(wrapped, backend="eager"))),
        "static": words_of(lambda: Balancer(encoders, skip, model=static)),
        "delay": words_of(lambda: Balancer(encoders, delay, model=wrapped)),
        "delay, no model": words_of(lambda: Balancer(encoders, delay)),
    }


def other_sizes():
    """Return what is said where a modality's feature is wider on one rank."""
    net = nn.ModuleDict({"audio": nn.Linear(2, 3 + dist.get_rank())})
    balancer = Balancer({"audio": net["audio"]}, ROWS["Probe"].recipe(("audio",)))
    net["audio"](torch.ones(4, 2)).sum().backward()
    return words_of(lambda: balancer.adjust(torch.zeros(4, dtype=torch.long)))


def never_seen():
    """Return what is said where no rank has seen an encoder that has gradients."""
    run, wrapped = start(toy.TWO, ROWS["GradNorm"].recipe(toy.TWO))
    inputs, labels = half(toy.batches(toy.TWO, 1)[0])
    run.model.encoders["audio"]._forward_hooks.clear()  # past the hook, as a compiled module would be called
    wrapped(inputs).sum().backward()
    return words_of(lambda: run.balancer.adjust(labels))
