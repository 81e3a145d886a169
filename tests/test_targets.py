"""Targets that are no tensors, or hold no real numbers, are refused in words."""

import pytest
import torch
from torch import nn

from asgml import Balancer
from asgml.monitors import MultilabelProbe, Probe, RidgeProbe

LABELS = torch.tensor([0, 1, 1, 0])


def seen(monitor):
    encoder = nn.Linear(3, 2)
    balancer = Balancer({"a": encoder}, measure=[monitor])
    encoder(torch.ones(4, 3)).sum().backward()
    return balancer


@pytest.mark.parametrize("targets", [LABELS.tolist(), LABELS.numpy()], ids=["list", "array"])
@pytest.mark.parametrize("call", ["adjust", "observe"])
@pytest.mark.parametrize("monitor", [Probe(2), MultilabelProbe(1), RidgeProbe()], ids=lambda monitor: monitor.name)
def test_targets_that_are_no_tensor_are_named(monitor, call, targets):
    balancer = seen(monitor)
    with pytest.raises(TypeError, match=r"`targets` must be a tensor, found (list|ndarray)"):
        getattr(balancer, call)(targets)


@pytest.mark.parametrize("monitor", [MultilabelProbe(1), RidgeProbe()], ids=lambda monitor: monitor.name)
def test_no_imaginary_part_is_dropped(monitor):
    balancer = seen(monitor)
    with pytest.raises(ValueError, match=r"targets of real numbers, found torch\.complex64"):
        balancer.adjust(LABELS[:, None].to(torch.complex64))
