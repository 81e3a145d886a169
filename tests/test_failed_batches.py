"""A batch that failed or was given up, and an update that was refused: the next update is as if it had not been."""

import pytest
import torch
from torch import nn

import toy
from asgml import Balancer, Recipe, recipes
from asgml.monitors import GradNorm, Probe
from toy import TWO, identical

RECIPE = Recipe((GradNorm(), Probe(toy.CLASSES))) + recipes.frequency("audio", 2)


def started(given=True):
    run = toy.start(TWO, None, bare=True)
    run.balancer = Balancer(dict(run.model.encoders.items()), RECIPE, model=run.model if given else None)
    return run


def until_the_forward(run, inputs, labels):
    run.model(inputs)


def until_the_loss(run, inputs, labels):
    return nn.functional.cross_entropy(run.model(inputs), labels)  # the caller may keep it


def until_the_backward(run, inputs, labels):
    loss = until_the_loss(run, inputs, labels)
    loss.backward()
    return loss


def in_the_forward(run, inputs, labels):
    def fail(module, args):
        raise RuntimeError("out of memory")

    handle = run.model.encoders["visual"].register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        run.model(inputs)
    handle.remove()


def in_the_backward(run, inputs, labels):
    def fail(grad):
        raise RuntimeError("out of memory")

    logits = run.model(inputs)
    logits.register_hook(fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        logits.sum().backward()


FAILURES = [until_the_forward, until_the_loss, until_the_backward, in_the_forward, in_the_backward]
CASES = [(fail, given, told) for fail in FAILURES for given in (True, False) for told in (True, False)]
CASES.remove((in_the_forward, False, False))  # looks like an encoder that is called twice, as the docs say


@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("micro", [1, 2])
@pytest.mark.parametrize(("fail", "given", "told"), CASES)
def test_the_update_after_a_failed_batch_is_as_if_it_had_not_been(fail, given, told, micro, at):
    """`at` 1 skips the audio encoder, 2 does not; `told` by `forget()`."""
    good, data = started(given), toy.batches(TWO, 5)
    toy.advance(good, data, micro=micro)
    run = started(given)
    toy.advance(run, data[:at], micro=micro)
    held = fail(run, *toy.batches(TWO, 9)[8])
    run.optimizer.zero_grad()
    if told:
        run.balancer.forget()
    toy.advance(run, data[at:], micro=micro)
    del held
    assert identical(run.weights(), good.weights())
    assert identical(run.balancer.state_dict(), good.balancer.state_dict())


def test_an_encoder_that_is_called_twice_is_no_failed_batch():
    run = started(given=False)
    inputs, labels = toy.batches(TWO, 1)[0]
    run.model.encoders["audio"](inputs["audio"])
    with pytest.raises(ValueError, match="'probe' needs targets"):
        toy.advance(run, [(inputs, labels)])


REFUSED = {
    "targets of another length": lambda b, labels: b.adjust(labels[:5]),
    "targets twice": lambda b, labels: (b.observe(labels), b.adjust(labels)),
    "no targets": lambda b, labels: b.adjust(),
}


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("case", REFUSED)
def test_the_update_after_one_that_was_refused_is_as_if_it_had_not_been(case, given):
    good, data = started(given), toy.batches(TWO, 5)
    toy.advance(good, data)
    run = started(given)
    toy.advance(run, data[:2])
    until_the_backward(run, *data[2])
    with pytest.raises(ValueError, match="targets"):
        REFUSED[case](run.balancer, data[2][1])
    run.optimizer.zero_grad()
    toy.advance(run, data[2:])
    assert identical(run.weights(), good.weights())
    assert identical(run.balancer.state_dict(), good.balancer.state_dict())


def test_several_passes_of_one_update_count_once_and_must_be_told():
    """As SAM's: climb, take the gradient there, come back, step with it."""

    def update(inputs, labels, told):
        until_the_backward(run, inputs, labels)
        with torch.no_grad():
            climb = [0.1 * p.grad if p.grad is not None else torch.zeros_like(p) for p in run.model.parameters()]
            torch._foreach_add_(list(run.model.parameters()), climb)
        run.optimizer.zero_grad()
        if told:
            run.balancer.forget()
        until_the_backward(run, inputs, labels)
        with torch.no_grad():
            torch._foreach_sub_(list(run.model.parameters()), climb)
        run.balancer.adjust(labels)
        run.optimizer.step()
        run.optimizer.zero_grad()

    run = started()
    for inputs, labels in toy.batches(TWO, 4):
        update(inputs, labels, told=True)
    assert run.balancer.tally["audio"] == {"updated": 2, "skipped": 2, "held": 0}
    with pytest.raises(ValueError, match="'probe' needs targets"):
        update(inputs, labels, told=False)


def test_lbfgs_that_nobody_announced_is_noticed_by_what_reads_targets():
    run = started()
    inputs, labels = toy.batches(TWO, 1)[0]
    optimizer = torch.optim.LBFGS(run.model.parameters(), max_iter=3)

    def closure():
        optimizer.zero_grad()
        return until_the_backward(run, inputs, labels)

    optimizer.step(closure)
    with pytest.raises(ValueError, match="'probe' needs targets"):
        run.balancer.adjust(labels)
