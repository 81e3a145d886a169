"""torch.compile: no further graph break, no recompile limit, and attaching too late is an error (L10)."""

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounter

import toy
from asgml import Balancer, Recipe, recipes
from asgml.diagnostics import GradNorm, Probe
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
