"""A head that was replaced: the split of the old one is refused, a function gives the new one."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from asgml import Balancer
from asgml.monitors import LossDescent, Score


@pytest.mark.parametrize("kind", [Score, LossDescent])
def test_the_old_head_is_refused_and_a_function_gives_the_new_one(kind):
    for ask in (False, True):
        net = nn.ModuleDict({"audio": nn.Linear(2, 4), "head": nn.Linear(4, 3)})
        part = kind.split((lambda net=net: net["head"]) if ask else net["head"], {"audio": 4})
        balancer, x, y = Balancer({"audio": net["audio"]}, measure=[part]), torch.randn(6, 2), torch.arange(6) % 3

        def update(net=net, balancer=balancer, x=x, y=y):
            cross_entropy(net["head"](net["audio"](x)), y).backward()
            found = balancer.adjust(y)
            net.zero_grad()
            return found

        update()
        net["head"].zero_grad()
        net["head"] = nn.Linear(4, 3)
        if not ask:
            with pytest.raises(RuntimeError, match=r"splits a head that gets no gradient any more: .*split\(lambda: net.head"):
                update()
        elif kind is Score:
            told = update()["score"]["audio"]
            with torch.no_grad():
                sure = net["head"](net["audio"](x)).softmax(1)[torch.arange(6), y].mean().item()
            assert told == pytest.approx(sure, abs=1e-6)
