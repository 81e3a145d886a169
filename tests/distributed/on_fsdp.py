"""What every rank does under FSDP2."""

import os
import warnings
from copy import deepcopy
from pathlib import Path
from unittest import mock

import on_ddp
import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch import nn
from torch.distributed.checkpoint import DefaultLoadPlanner
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.tensor import DTensor

import toy
from asgml import Balancer, Recipe
from asgml.interventions import Delay, Skip
from asgml.policies import OneIn
from table import ROWS


def whole(state):
    """Return nested state with every sharded tensor put together: a collective, to be called on all ranks."""
    if isinstance(state, dict):
        return {key: whole(value) for key, value in state.items()}
    if isinstance(state, list):
        return [whole(value) for value in state]
    return state.full_tensor() if isinstance(state, DTensor) else state


def shard(model, each=True, **kwargs):
    """Shard every encoder and every head by itself, or the model in one piece."""
    for module in (*model.encoders.values(), *model.heads.values()) if each else ():
        fully_shard(module, **kwargs)
    return fully_shard(model, **kwargs)


def start(modalities, recipe, each=True, **kwargs):
    """Return a toy run with SGD, sharded over the ranks."""
    run = toy.start(modalities, None, bare=True)
    shard(run.model, each, **kwargs)
    run.optimizer = torch.optim.SGD(run.model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    run.balancer = Balancer(dict(run.model.encoders.items()), on_ddp.made(recipe, run.model), model=run.model)
    return run


def train(run, data):
    """Train on this rank's data; return a trace per step, the last as a checkpoint keeps it, and the weights, put together."""
    trace = []
    for inputs, labels in data:
        run.model.batch = (inputs, labels)
        nn.functional.cross_entropy(run.model(inputs), labels).backward()
        adjusted = run.balancer.adjust(labels)
        state = deepcopy(whole(run.balancer.state_dict()))
        trace.append(on_ddp.trace_of(run.balancer, adjusted, state))
        run.optimizer.step()
        run.optimizer.zero_grad()
    return [*trace[:-1], *map(toy.through_file, trace[-1:])], whole(run.weights())


def row(name, modalities, each=True, kwargs=None):
    """Run a row of the table, each rank with its half of every batch."""
    run = start(modalities, ROWS[name].recipe(modalities), each, **(kwargs or {}))
    return train(run, [on_ddp.half(b) for b in toy.batches(modalities, 8)])


def refused_row(name, modalities):
    """Return what is said to a row that cannot work on shards."""
    return on_ddp.words_of(lambda: row(name, modalities))


def skipped_and_queued():
    """Return, per step, whether a skipped encoder has gradients or lies unsharded; and shapes and bytes of what is queued."""
    recipe = Recipe(act=(Skip(OneIn(2, "audio")), Delay({"visual": 2})))
    run, seen = start(toy.TWO, recipe, reshard_after_forward=False), []
    for inputs, labels in [on_ddp.half(b) for b in toy.batches(toy.TWO, 4)]:
        cut = run.balancer.skipping
        nn.functional.cross_entropy(run.model(inputs), labels).backward()
        with_grad = {m: any(p.grad is not None for p in e.parameters()) for m, e in run.model.encoders.items()}
        sharded = all(isinstance(p, DTensor) for p in run.model.parameters())
        run.balancer.adjust(labels)
        seen.append((sorted(cut), with_grad, sharded))
        run.optimizer.zero_grad()
    queue = run.balancer.act[1].state_dict()["queues"]["visual"]
    weights = run.model.encoders["visual"].named_parameters()
    own = {name: (tuple(p.to_local().shape), 4 * p.to_local().numel()) for name, p in weights}
    queued = [{n: (tuple(g.to_local().shape), g.to_local().untyped_storage().nbytes()) for n, g in q.items()} for q in queue]
    return seen, queued, own


def replicated(name, modalities):
    """Run a row with every parameter whole on both ranks, as the outer axis of a hybrid mesh leaves it."""
    mesh = init_device_mesh("cpu", (dist.get_world_size(), 1), mesh_dim_names=("replicate", "shard"))
    return row(name, modalities, True, {"mesh": mesh})


def overflowing():
    """Return states around a step in which rank 1's shard alone holds an infinite gradient."""
    run = start(toy.TWO, ROWS["Skip then Delay"].recipe(toy.TWO))
    data = [on_ddp.half(b) for b in toy.batches(toy.TWO, 6)]
    before = train(run, data[:4])[0][-1]["state"]
    nn.functional.cross_entropy(run.model(data[4][0]), data[4][1]).backward()
    if dist.get_rank() == 1:
        run.model.encoders["visual"].first.weight.grad.to_local()[0] = float("inf")
    run.balancer.adjust(data[4][1])
    run.optimizer.zero_grad()
    return before, toy.through_file(whole(run.balancer.state_dict())), train(run, data[5:])


def refusals():
    """Return what is said to an encoder that is sharded in part, to one that is sharded too late, and to FSDP1."""
    net = toy.Toy(toy.TWO)
    fully_shard(net.encoders["audio"].first)
    partly = on_ddp.words_of(lambda: Balancer(dict(net.encoders.items()), model=net))
    net = toy.Toy(toy.TWO)
    balancer = Balancer(dict(net.encoders.items()), ROWS["GradNorm"].recipe(toy.TWO), model=net)
    shard(net)
    inputs, labels = on_ddp.half(toy.batches(toy.TWO, 1)[0])
    nn.functional.cross_entropy(net(inputs), labels).backward()
    late = on_ddp.words_of(lambda: balancer.adjust(labels))
    net = toy.Toy(toy.TWO)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flat = FullyShardedDataParallel(net, device_id=torch.device("cpu"))
    return partly, late, on_ddp.words_of(lambda: Balancer(dict(net.encoders.items()), model=flat))


def saved(folder, name, modalities, at, together):
    """Train to a step and save, sharded per rank or put together, in one distributed checkpoint."""
    run, rank = start(modalities, ROWS[name].recipe(modalities)), dist.get_rank()
    data = [on_ddp.half(b) for b in toy.batches(modalities, 8)]
    train(run, data[:at])
    model, optimizer = get_state_dict(run.model, run.optimizer)
    state = {"model": model, "optimizer": optimizer}
    if together:
        state["balancer"] = (whole(run.balancer.state_dict()),)
    else:
        state[f"balancer {rank}"] = (run.balancer.state_dict(),)
    dcp.save(state, checkpoint_id=folder)
    return train(run, data[at:])


def resumed(folder, name, modalities, at, together):
    """Go on from such a checkpoint in a new model."""
    run, key = start(modalities, ROWS[name].recipe(modalities)), "balancer" if together else f"balancer {dist.get_rank()}"
    data = [on_ddp.half(b) for b in toy.batches(modalities, 8)]
    model, optimizer = get_state_dict(run.model, run.optimizer)
    state = {"model": model, "optimizer": optimizer, key: (None,)}
    dcp.load(state, checkpoint_id=folder, planner=DefaultLoadPlanner(allow_partial_load=True))  # `unused` has no momentum
    set_state_dict(run.model, run.optimizer, model_state_dict=state["model"], optim_state_dict=state["optimizer"])
    run.balancer.load_state_dict(state[key][0])
    return train(run, data[at:])


def program(text, folder):
    """Run a program of the page as it stands, save for the process group, which is here already; return what it came to."""
    around = {"__name__": "__main__"}
    here = Path.cwd()
    os.chdir(folder)
    try:
        with mock.patch.object(dist, "init_process_group"), mock.patch.object(dist, "destroy_process_group"):
            exec(compile(text, "distributed.md", "exec"), around)
    finally:
        os.chdir(here)
    return dict(around["readings"]), around["balancer"].tally
