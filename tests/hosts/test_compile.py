"""torch.compile: no further graph break, no recompile limit, and attaching too late is an error (L10)."""

import copy

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounter

import toy
from asgml import Balancer, Recipe, recipes
from asgml.monitors import GradNorm, Probe
from table import ROWS
from toy import THREE, TWO

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:torch.*")


@pytest.fixture(autouse=True)
def _fresh():
    torch._dynamo.reset()
    with torch._dynamo.config.patch(error_on_recompile=False, fail_on_recompile_limit_hit=True):
        yield
    torch._dynamo.reset()


def train(modalities, recipe, compiled, steps=8, parts=False):
    """Train, and return weights, graphs compiled, and the graph breaks of one more forward."""
    model, counter = toy.Toy(modalities), CompileCounter()
    balancer = Balancer(dict(model.encoders.items()), recipe(model) if callable(recipe) else recipe)
    call = model
    if compiled and parts:
        for m in modalities:
            model.encoders[m].compile(backend=counter)
    elif compiled:
        call = torch.compile(model, backend=counter, fullgraph=True)  # a graph break would raise
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for inputs, labels in toy.batches(modalities, steps):
        model.batch = (inputs, labels)
        nn.functional.cross_entropy(call(inputs), labels).backward()
        balancer.adjust(labels)
        optimizer.step()
        optimizer.zero_grad()
    return {n: p.detach() for n, p in model.named_parameters()}, counter.frame_count, balancer


@pytest.mark.parametrize("name", ROWS)
def test_l10_the_whole_model_compiles_without_a_break_and_equals_eager(name):
    recipe = ROWS[name].recipe(TWO)
    eager, _, _ = train(TWO, recipe, False)
    compiled, graphs, balancer = train(TWO, recipe, True)
    torch.testing.assert_close(compiled, eager, rtol=1e-5, atol=1e-6)
    assert 1 <= graphs <= 4, "one graph per set of skipped modalities, of which two make four"
    assert sum(balancer.tally["audio"].values()) in (0, 8), "counted where a part acts, and every step seen"


def test_two_skippable_modalities_need_four_graphs():
    recipe = recipes.frequency("audio", 2) + recipes.frequency("visual", 3)
    _, graphs, _ = train(TWO, recipe, True, steps=12)
    assert graphs == 4


@pytest.mark.parametrize("modalities", [TWO, THREE])
def test_encoders_compiled_one_by_one_need_two_graphs_each_for_any_number(modalities):
    recipe = Recipe((GradNorm(), Probe(toy.CLASSES)))
    for n, m in enumerate(modalities):
        recipe += recipes.frequency(m, n + 2)
    eager, _, _ = train(modalities, recipe, False, steps=12)
    compiled, graphs, _ = train(modalities, recipe, True, steps=12, parts=True)
    torch.testing.assert_close(compiled, eager, rtol=1e-5, atol=1e-6)
    assert len(modalities) < graphs <= 2 * len(modalities), "for the skipped and the updated; encoders alike may share one"


def test_attaching_after_the_first_compiled_call_is_an_error():
    model = toy.Toy(TWO)
    call = torch.compile(model, backend="eager")
    inputs, labels = toy.batches(TWO, 1)[0]
    call(inputs)
    balancer = Balancer(dict(model.encoders.items()), recipes.frequency("audio", 2))
    nn.functional.cross_entropy(call(inputs), labels).backward()
    with pytest.raises(RuntimeError, match=r"attach the Balancer before torch\.compile"):
        balancer.adjust(labels)


@pytest.mark.parametrize("given", [True, False])
def test_evaluation_in_between_keeps_every_step_seen(given):
    model = toy.Toy(TWO)
    balancer = Balancer(dict(model.encoders.items()), recipes.frequency("audio", 2), model=model if given else None)
    call = torch.compile(model, backend="eager", fullgraph=True)
    for inputs, labels in toy.batches(TWO, 6):
        nn.functional.cross_entropy(call(inputs), labels).backward()
        balancer.adjust(labels)
        model.zero_grad()
        model.eval()
        with torch.no_grad():
            call(inputs)
        model.train()
    assert balancer.tally["audio"] == {"updated": 3, "skipped": 3, "held": 0}


MODELS = {"none": lambda model, call: None, "model": lambda model, call: model, "compiled": lambda model, call: call}


@pytest.mark.parametrize(("late", "given"), [(True, "none"), (True, "model"), (True, "compiled"), (False, "model")])
def test_attaching_and_compiling_work_in_either_order_before_the_first_forward(late, given):
    eager, _, plain = train(TWO, Recipe((Probe(toy.CLASSES),)) + recipes.frequency("audio", 2), False)
    model, counter = toy.Toy(TWO), CompileCounter()
    call = torch.compile(model, backend=counter, fullgraph=True) if late else model
    recipe = Recipe((Probe(toy.CLASSES),)) + recipes.frequency("audio", 2)
    balancer = Balancer(dict(model.encoders.items()), recipe, model=MODELS[given](model, call))
    call = call if late else torch.compile(model, backend=counter, fullgraph=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for inputs, labels in toy.batches(TWO, 8):
        nn.functional.cross_entropy(call(inputs), labels).backward()
        balancer.adjust(labels)
        optimizer.step()
        optimizer.zero_grad()
        call.eval()
        with torch.no_grad():
            call(inputs)
        call.train()
    torch.testing.assert_close({n: p.detach() for n, p in model.named_parameters()}, eager, rtol=1e-5, atol=1e-6)
    assert balancer.tally == plain.tally
    assert balancer.readings == {"probe": pytest.approx(plain.readings["probe"])}


def test_an_encoder_that_was_compiled_by_itself_may_be_given():
    model = toy.Toy(TWO)
    model.encoders["audio"] = torch.compile(model.encoders["audio"], backend="eager", fullgraph=True)
    balancer = Balancer(dict(model.encoders.items()), recipes.frequency("audio", 2), model=model)
    for inputs, labels in toy.batches(TWO, 4):
        nn.functional.cross_entropy(model(inputs), labels).backward()
        balancer.adjust(labels)
        model.zero_grad()
    assert balancer.tally["audio"] == {"updated": 2, "skipped": 2, "held": 0}


ENDS = {
    "remove": lambda balancers, model: balancers[0].remove(),
    "dropped": lambda balancers, model: balancers.clear(),
    "a newer one": lambda balancers, model: balancers.append(Balancer(dict(model.encoders.items()))),
}


@pytest.mark.filterwarnings("ignore:.*had a Balancer already")
@pytest.mark.parametrize("end", ENDS)
def test_a_compiled_model_learns_on_after_the_balancers_end(end):
    model = toy.Toy(TWO)
    balancers = [Balancer(dict(model.encoders.items()), recipes.frequency("audio", 2))]
    call = torch.compile(model, backend="eager", fullgraph=True)
    (inputs, labels), second = toy.batches(TWO, 2)
    nn.functional.cross_entropy(call(inputs), labels).backward()
    balancers[0].adjust(labels)
    nn.functional.cross_entropy(call(second[0]), labels).backward()  # the graph that cuts
    model.zero_grad()
    ENDS[end](balancers, model)
    nn.functional.cross_entropy(call(inputs), labels).backward()
    assert model.encoders["audio"].last.weight.grad is not None
    copied = torch.compile(copy.deepcopy(model), backend="eager", fullgraph=True)
    copied.zero_grad()
    nn.functional.cross_entropy(copied(inputs), labels).backward()
    assert copied.encoders["audio"].last.weight.grad is not None
