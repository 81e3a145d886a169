"""Activation checkpointing around encoders and more than encoders: a forward that runs again does what it did before."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from asgml import Balancer, recipes
from asgml.monitors import GradNorm, Probe
from toy import identical


class Net(nn.Module):
    """Encoders, a projection that both share, and a head; `region` says what is not kept for the backward pass."""

    def __init__(self, region, reentrant=False):
        super().__init__()
        torch.manual_seed(0)
        self.audio, self.visual, self.shared, self.head = nn.Linear(6, 8), nn.Linear(7, 8), nn.Linear(8, 8), nn.Linear(16, 3)
        self.region, self.reentrant = region, reentrant

    def again(self, at, function, *inputs):
        """Call a function, in a checkpointed region if it is the one."""
        return checkpoint(function, *inputs, use_reentrant=self.reentrant) if self.region in at else function(*inputs)

    def branch(self, encoder, x):
        return nn.functional.gelu(self.shared(nn.functional.gelu(self.again({"encoder", "nested"}, encoder, x))))

    def both(self, a, v):
        one = self.again({"branch", "deep"}, self.branch, self.audio, a)
        return torch.cat([one, self.again({"branch", "deep"}, self.branch, self.visual, v)], 1)

    def whole(self, a, v):
        return self.head(self.again({"both", "nested", "deep"}, self.both, a, v))

    def forward(self, a, v):
        return self.again({"whole", "nested"}, self.whole, a, v)


def train(region, recipe, given, reentrant=False):
    net = Net(region, reentrant)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    balancer = Balancer(
        {"audio": net.audio, "visual": net.visual}, recipe, measure=[GradNorm(), Probe(3)], model=net if given else None
    )
    for step in range(6):
        g = torch.Generator().manual_seed(step)
        a, v = torch.randn(8, 6, generator=g, requires_grad=True), torch.randn(8, 7, generator=g, requires_grad=True)
        labels = torch.randint(3, (8,), generator=g)
        nn.functional.cross_entropy(net(a, v), labels).backward()
        balancer.adjust(labels)
        optimizer.step()
        optimizer.zero_grad()
    return {n: p.detach() for n, p in net.named_parameters()}, balancer.tally, balancer.readings


RECIPES = {
    "frequency": lambda: recipes.frequency({"audio": 2, "visual": 3}),
    "staleness": lambda: recipes.staleness("audio", tau=1),
}


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("recipe", ["frequency", "staleness"])
@pytest.mark.parametrize("region", ["encoder", "branch", "both", "whole", "nested", "deep"])
def test_no_region_changes_a_bit(region, recipe, given):
    kept, again = (train(r, RECIPES[recipe](), given) for r in (None, region))
    assert identical(kept, again)


@pytest.mark.parametrize("region", ["encoder", "both", "whole", "nested"])
def test_a_reentrant_region_around_an_encoder_is_refused_with_the_way_out(region):
    with pytest.raises(RuntimeError, match="activation checkpointing needs use_reentrant=False"):
        train(region, RECIPES["frequency"](), False, reentrant=True)
