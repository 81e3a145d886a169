"""WeightDrift: the distance from the start, relative to it."""

import pytest
import torch
from torch import nn

from asgml import Balancer
from asgml.monitors import WeightDrift
from steps import step_of, told


def encoder_at(*weights):
    encoder = nn.Linear(len(weights), 1, bias=False)
    with torch.no_grad():
        encoder.weight.copy_(torch.tensor([weights]))
    return encoder


def test_distance_over_the_size_of_the_start():
    encoder, drift = encoder_at(3.0, 4.0), WeightDrift()
    assert told(drift, [step_of(encoders={"a": encoder})]) == [{"a": 0.0}]
    with torch.no_grad():
        encoder.weight.add_(torch.tensor([[0.6, 0.8]]))
    assert told(drift, [step_of(encoders={"a": encoder}, index=1)])[0]["a"] == pytest.approx(1 / 5)
    drift.reset()
    assert told(drift, [step_of(encoders={"a": encoder}, index=2)]) == [{"a": 0.0}]
    with torch.no_grad():
        encoder.weight.zero_()
    assert told(drift, [step_of(encoders={"a": encoder}, index=3)])[0]["a"] == pytest.approx(1)


def test_a_step_of_descent_is_the_learning_rate_times_the_gradient():
    encoder = encoder_at(3.0, 4.0)
    balancer = Balancer({"a": encoder}, measure=[WeightDrift()])
    optimizer = torch.optim.SGD(encoder.parameters(), lr=0.1)
    readings = []
    for _ in range(3):
        optimizer.zero_grad()
        encoder(torch.tensor([[6.0, 8.0]])).sum().backward()
        readings.append(balancer.adjust()["weight_drift"]["a"])
        optimizer.step()
    assert readings == pytest.approx([0, 0.2, 0.4], abs=1e-6), "0.1 of a gradient of length 10, over a start of length 5"


def test_a_start_of_zeros_and_half_precision():
    encoder, drift = encoder_at(0.0, 0.0).bfloat16(), WeightDrift()
    told(drift, [step_of(encoders={"a": encoder})])
    with torch.no_grad():
        encoder.weight.fill_(1)
    (found,) = told(drift, [step_of(encoders={"a": encoder}, index=1)])
    assert found["a"] == pytest.approx(2**0.5), "the distance itself"


def test_it_keeps_one_copy_and_the_state_carries_it():
    encoder, drift = encoder_at(3.0, 4.0), WeightDrift()
    told(drift, [step_of(encoders={"a": encoder})] * 3)
    state = drift.state_dict()
    assert {m: list(kept) for m, kept in state.items()} == {"a": ["weight"]}
    assert state["a"]["weight"].data_ptr() != encoder.weight.data_ptr()
    with pytest.raises(ValueError, match="`every`"):
        WeightDrift(every=0)
