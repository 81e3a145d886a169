"""Accelerate: the loop of its page trains what the plain loop trains, and its checkpoints carry the Balancer."""

import os
import socket
import warnings

import pytest
import torch
from torch import nn

import toy
from asgml import Balancer, recipes
from asgml.monitors import GradNorm, Probe
from toy import TWO, identical

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState
    from accelerate.utils import DistributedDataParallelKwargs

RECIPE = recipes.frequency("audio", 3) + recipes.staleness("visual", 2)


def adamw(parameters):
    return torch.optim.AdamW(parameters, lr=0.05, weight_decay=0.1)


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)


def started(accumulate, *, late, kind=adamw):
    """Prepare, and attach before or after it."""
    AcceleratorState._reset_state(reset_partial_state=True)  # one per process, whoever made it
    handlers = [DistributedDataParallelKwargs(find_unused_parameters=True)]
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=accumulate, kwargs_handlers=handlers)
    net = toy.Toy(TWO)
    optimizer = kind(net.parameters())
    if late:
        model, optimizer = accelerator.prepare(net, optimizer)
        inner = accelerator.unwrap_model(model)
        balancer = Balancer({m: inner.encoders[m] for m in TWO}, RECIPE, measure=[GradNorm(), Probe(3)], model=model)
    else:
        balancer = Balancer({m: net.encoders[m] for m in TWO}, RECIPE, measure=[GradNorm(), Probe(3)], model=net)
        model, optimizer = accelerator.prepare(net, optimizer)
    return accelerator, model, optimizer, balancer


def go(accelerator, model, optimizer, balancer, data):
    for inputs, labels in data:
        with accelerator.accumulate(model):
            accelerator.backward(nn.functional.cross_entropy(model(inputs), labels))
            balancer.observe(labels)
            if accelerator.sync_gradients:
                accelerator.unscale_gradients()
                balancer.adjust()
                nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            optimizer.step()
            optimizer.zero_grad()
    return model, balancer


def plain(data, accumulate, kind=adamw):
    net = toy.Toy(TWO)
    optimizer = kind(net.parameters())
    balancer = Balancer({m: net.encoders[m] for m in TWO}, RECIPE, measure=[GradNorm(), Probe(3)])
    for index, (inputs, labels) in enumerate(data):
        (nn.functional.cross_entropy(net(inputs), labels) / accumulate).backward()
        balancer.observe(labels)
        if (index + 1) % accumulate == 0:
            balancer.adjust()
            nn.utils.clip_grad_norm_(net.parameters(), 0.1)
            optimizer.step()
            optimizer.zero_grad()
    return net, balancer


@pytest.mark.parametrize("late", [True, False], ids=["after prepare", "before prepare"])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_it_equals_the_plain_loop(accumulate, late):
    data = toy.batches(TWO, 12)
    model, balancer = go(*started(accumulate, late=late), data)
    net, other = plain(data, accumulate)
    assert identical(model.state_dict(), net.state_dict())
    assert identical(balancer.state_dict(), other.state_dict())
    assert balancer.index == 12 // accumulate


def test_its_checkpoints_carry_the_balancer(tmp_path):
    data = toy.batches(TWO, 12)
    whole, _ = go(*started(2, late=True), data)
    first = started(2, late=True)
    first[0].register_for_checkpointing(first[3])
    go(*first, data[:6])
    first[0].save_state(str(tmp_path))
    second = started(2, late=True)
    second[0].register_for_checkpointing(second[3])
    second[0].load_state(str(tmp_path))
    resumed, balancer = go(*second, data[6:])
    assert identical(resumed.state_dict(), whole.state_dict())
    assert balancer.index == 6


def _rank(rank, port, folder):
    """Train as one of two ranks, on its half of every batch, and write what came out."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    os.environ |= {"MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true"}
    part = slice(4 * rank, 4 * rank + 4)
    data = [({m: x[part] for m, x in inputs.items()}, labels[part]) for inputs, labels in toy.batches(TWO, 8)]
    model, balancer = go(*started(2, late=True, kind=sgd), data)
    with pytest.raises(ValueError, match="find_unused_parameters"):
        Balancer({m: model.module.encoders[m] for m in TWO}, RECIPE, model=nn.parallel.DistributedDataParallel(toy.Toy(TWO)))
    torch.save([model.module.state_dict(), balancer.tally], f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_ranks_equal_one(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python warns of forking a process that has threads
        torch.multiprocessing.start_processes(_rank, (port, str(tmp_path)), nprocs=2, start_method="fork")
    (weights, tally), (other, _) = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    assert identical(weights, other)
    net, balancer = plain(toy.batches(TWO, 8), 2, sgd)
    torch.testing.assert_close(weights, net.state_dict(), rtol=1e-3, atol=1e-5)
    assert tally == balancer.tally
