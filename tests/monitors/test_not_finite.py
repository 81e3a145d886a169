"""What is not finite: nothing learns from it or averages it, no policy reads it, and it is counted."""

import math

import pytest
import torch
from torch import nn

import toy
from asgml import Balancer, Readings, Recipe
from asgml.interventions import Scale
from asgml.monitors import (
    ConflictShare,
    Derived,
    Gap,
    GradNorm,
    LossDescent,
    Monitor,
    MultilabelProbe,
    Probe,
    RidgeProbe,
    Score,
    Smoothed,
    ValidationProbe,
    WeightDrift,
)
from table import ROWS
from toy import CLASSES, FEATURE, TWO, identical

BAD = 3
"""The update whose feature of audio is spoilt in one row."""
HELD_OUT = [(inputs, labels) for inputs, labels in toy.batches(TWO, 3)]


def spoiling(value, run, at=BAD):
    """A `features` function that spoils one row in one update; the loss, which takes the output itself, stays finite."""

    def feature(output):
        if run["balancer"].index != at:
            return output
        spoilt = output.clone()
        spoilt[1, 0] = value
        return spoilt

    return feature


def trained(recipe, value=math.nan, steps=8, targets=lambda labels, t: labels, lacking=False):
    """Train with audio's feature spoilt in update BAD, or, with `lacking`, with no audio at all in that update."""
    model = toy.Toy(TWO)
    run = {}
    made = recipe(model) if callable(recipe) else recipe
    features = {} if lacking else {"audio": spoiling(value, run)}
    run["balancer"] = balancer = Balancer(dict(model.encoders.items()), made, features=features)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for t, (inputs, labels) in enumerate(toy.batches(TWO, steps)):
        model.batch = (inputs, labels)
        given = {"visual": inputs["visual"]} if lacking and t == BAD else inputs
        nn.functional.cross_entropy(model(given), labels).backward()
        balancer.adjust(targets(labels, t))
        optimizer.step()
        optimizer.zero_grad()
    return balancer


def numbers_in(state):
    if isinstance(state, torch.Tensor):
        return [state] if state.is_floating_point() else []
    if isinstance(state, dict | list | tuple):
        return [x for part in (state.values() if isinstance(state, dict) else state) for x in numbers_in(part)]
    return [torch.tensor(state)] if isinstance(state, float) else []


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 3e38])
@pytest.mark.parametrize("name", ROWS)
def test_no_part_keeps_or_reads_what_is_not_finite(name, value):
    balancer = trained(ROWS[name].recipe(TWO), value)
    assert all(x.isfinite().all() for x in numbers_in(balancer.state_dict()))
    assert balancer.index == 8


OF_FEATURES = {
    "Probe": lambda model: Probe(CLASSES),
    "MultilabelProbe": lambda model: MultilabelProbe(labels=1),
    "RidgeProbe": lambda model: RidgeProbe(),
    "Score": lambda model: Score(dict(model.heads)),
    "LossDescent": lambda model: LossDescent(dict(model.heads), window=3),
    "Smoothed": lambda model: Smoothed(Probe(CLASSES), name="smoothed"),
    "Smoothed twice": lambda model: Smoothed(Smoothed(Score(dict(model.heads)))),
    "ValidationProbe between its readings": lambda model: ValidationProbe(CLASSES, dict(model.encoders), HELD_OUT, 20),
}


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("name", OF_FEATURES)
def test_a_spoilt_batch_is_as_if_it_had_lacked_the_modality_and_is_counted(name, value):
    make = lambda model: Recipe((OF_FEATURES[name](model),))
    spoilt, lacking = (trained(make, value, steps=BAD + 1, lacking=lacks) for lacks in (False, True))
    (part,) = spoilt.measure
    assert identical(part.state_dict(), lacking.measure[0].state_dict())
    assert identical(dict(spoilt.readings), dict(lacking.readings))
    assert spoilt.left_out == {part.name: {"audio": 1}}
    assert f"audio: left out of {part.name!r} in 1 updates" in spoilt.summary()
    assert lacking.left_out == {}


@pytest.mark.parametrize("part", [RidgeProbe(), MultilabelProbe(labels=1)])
def test_targets_that_are_not_finite(part):
    spoil = lambda labels, t: labels.float().masked_fill(torch.arange(8) == 1, math.nan if t == BAD else 0.0)
    balancer = trained(Recipe((part,)), value=0.0, targets=spoil)
    assert balancer.left_out == {part.name: {"audio": 1, "visual": 1}}
    assert all(x.isfinite().all() for x in numbers_in(balancer.state_dict()))


def test_held_out_rows_that_are_not_finite():
    inputs, labels = toy.batches(TWO, 1)[0]
    bad = {**inputs, "audio": inputs["audio"].clone()}
    bad["audio"][0, 0] = math.inf

    def open_to(encoder):
        return lambda x: encoder(x) + 0 * x.sum(1, keepdim=True)  # tanh would hide it

    for training in (None, [(inputs, labels)]):

        def make(model, training=training):
            encoders = {m: open_to(encoder) for m, encoder in model.encoders.items()}
            return Recipe((ValidationProbe(CLASSES, encoders, [(inputs, labels), (bad, labels)], 2, training=training),))

        balancer = trained(make, value=0.0)
        assert balancer.left_out == {"validation_probe": {"audio": 2}}
        assert balancer.readings["validation_probe"].keys() == set(TWO)


def test_a_conflict_that_is_no_number_counts_as_none():
    def make(model):
        logits = lambda: model.heads["audio"](model.encoders["audio"](model.batch[0]["audio"]))
        return Recipe((ConflictShare({"audio": lambda: logits().sum() * (math.nan if balancer_index() == BAD else 1)}),))

    calls = []
    balancer_index = lambda: calls.append(1) or len(calls) // 2  # twice an update: to measure, and to learn
    balancer = trained(make)
    assert all(x.isfinite().all() for x in numbers_in(balancer.state_dict()))
    assert sum(balancer.left_out["conflict_share"].values()) >= 1


def test_weights_that_are_not_finite_are_no_start():
    encoders = {"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)}
    with torch.no_grad():
        kept = encoders["b"].weight.clone()
        encoders["b"].weight.fill_(math.inf)
    balancer = Balancer(encoders, measure=[WeightDrift()])
    for _ in range(2):
        encoders["a"](torch.ones(1, 2)).sum().backward()
        balancer.adjust()
        encoders["a"].zero_grad()
        with torch.no_grad():
            encoders["b"].weight.copy_(kept)
    encoders["b"](torch.ones(1, 2)).sum().backward()
    assert balancer.adjust()["weight_drift"] == {"b": 0.0}


class Half(Monitor):
    """Somebody's own, which knows nothing of all this."""

    name = "half"
    needs_features = False

    def measure(self, step):
        bad = torch.tensor(math.nan if step.index == BAD else 0.5)
        return {"audio": bad, "visual": torch.tensor(0.5)}


class Minus(Derived):
    name, reads = "minus", frozenset({"half"})

    def derive(self, index, readings):
        return {"visual": -math.inf if index == BAD else readings["half"]["visual"]}


def test_a_policy_never_sees_what_is_no_number():
    seen = []

    def policy(index, readings):
        seen.append({name: dict(values) for name, values in readings.items()})
        return {"audio": readings["half"]["audio"]}

    balancer = trained(Recipe((Half(), Minus(), Gap("half")), (Scale(policy),)))
    assert all(math.isfinite(v) for now in seen for values in now.values() for v in values.values())
    assert balancer.left_out == {"half": {"audio": 1}, "minus": {"visual": 1}}
    assert isinstance(balancer.readings, Readings)


def test_the_count_is_saved_and_gradients_that_are_not_finite_count_apart():
    balancer = trained(Recipe((Probe(CLASSES), GradNorm())))
    other = Balancer({m: nn.Linear(3, FEATURE) for m in TWO}, measure=[Probe(CLASSES), GradNorm()])
    other.load_state_dict(toy.through_file(balancer.state_dict()))
    assert other.left_out == balancer.left_out == {"probe": {"audio": 1}}
    assert balancer.nonfinite == 0
    state = {key: value for key, value in balancer.state_dict().items() if key != "left_out"}
    other.load_state_dict(state)
    assert other.left_out == {}, "a state of an older version"
