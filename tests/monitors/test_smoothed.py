"""Smoothed: the average of a formula, and a monitor inside that learns as it would alone."""

from dataclasses import dataclass

import pytest
import torch

import toy
from asgml import Recipe
from asgml.interventions import Skip
from asgml.monitors import GradNorm, Monitor, Probe, Smoothed
from asgml.policies import OneIn
from steps import step_of, told


@dataclass
class Told(Monitor):
    """Says what the features say."""

    name: str = "told"

    def measure(self, step):
        return {m: x[0, 0] for m, x in step.features.items()}


def saying(*values):
    return [step_of({m: torch.tensor([[v]]) for m, v in value.items()}, index=n) for n, value in enumerate(values)]


def test_it_is_the_weighted_mean_of_all_values_so_far():
    values = [3.0, -1.0, 4.0, 1.0]
    readings = told(Smoothed(Told(), decay=0.8), saying(*({"a": v} for v in values)))
    for n, reading in enumerate(readings, 1):
        weights = [0.8 ** (n - 1 - i) for i in range(n)]
        mean = sum(w * v for w, v in zip(weights, values, strict=False)) / sum(weights)
        assert reading["a"] == pytest.approx(mean, rel=1e-6)
    assert told(Smoothed(Told(), decay=0), saying({"a": 3.0}, {"a": 5.0}))[-1] == {"a": 5.0}


def test_a_modality_that_is_left_out_keeps_its_average():
    readings = told(Smoothed(Told(), decay=0.5), saying({"a": 1.0, "v": 8.0}, {"v": 2.0}, {"a": 4.0, "v": 2.0}))
    assert readings[1].keys() == {"v"}
    assert readings[2]["a"] == pytest.approx((0.25 * 1 + 0.5 * 4) / 0.75)


def test_the_published_average_without_its_bias():
    """Accuracies 0.6 and 0.3 all along: a gap of 0.3 from the first evaluation on, where the research code says 0.03."""
    readings = told(Smoothed(Told(), decay=0.9), saying(*[{"a": 0.6, "v": 0.3}] * 4))
    assert [r["a"] - r["v"] for r in readings] == pytest.approx([0.3] * 4, abs=1e-6)


def test_the_monitor_inside_learns_as_it_would_alone():
    alone = toy.train(toy.TWO, Recipe((Probe(toy.CLASSES),))).balancer
    inside = toy.train(toy.TWO, Recipe((Smoothed(Probe(toy.CLASSES)),))).balancer
    assert toy.identical(inside.measure[0].monitor.state_dict(), alone.measure[0].state_dict())


def test_names_cadence_and_skips():
    run = toy.start(toy.TWO, Recipe((Smoothed(GradNorm(every=2)), GradNorm()), (Skip(OneIn(2, "audio")),)))
    toy.advance(run, toy.batches(toy.TWO, 1))
    assert run.balancer.readings["smoothed_grad_norm"] == pytest.approx(run.balancer.readings["grad_norm"])
    assert Smoothed(GradNorm(), name="steady").name == "steady"
    assert Smoothed(GradNorm(every=2)).every == 2


def test_two_averages_of_one_recipe_share_nothing():
    recipe = Recipe((Smoothed(Probe(toy.CLASSES)),))
    first, second = (toy.train(toy.TWO, recipe).balancer.measure[0] for _ in range(2))
    assert first.monitor is not second.monitor
    assert not recipe.measure[0].state_dict()["averages"]


def test_misuse():
    with pytest.raises(ValueError, match=r"`decay` must lie in \[0, 1\), found 1"):
        Smoothed(GradNorm(), decay=1)
    with pytest.raises(TypeError, match="`monitor` must be a Monitor, found 'grad_norm'"):
        Smoothed("grad_norm")
    encoder = torch.nn.Linear(1, 1)
    encoder.weight.grad = torch.ones(1, 1)
    encoder.weight.device_mesh = "as FSDP2 has"
    step = step_of({"a": torch.ones(1, 1)}, encoders={"a": encoder})
    with pytest.raises(ValueError, match=r"cannot average 'grad_norm' of \['a'\]: each rank has the norm of its shard"):
        Smoothed(GradNorm()).measure(step)
