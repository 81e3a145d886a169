"""One transfer to the host per update, whatever is measured: over the table of all parts."""

import pytest
import torch

import toy
from table import ROWS
from toy import TWO

TO_HOST = ("tolist", "item", "cpu", "numpy", "__float__", "__bool__", "__int__", "__index__")


@pytest.mark.parametrize("name", ROWS)
def test_every_update_has_one_transfer(name, monkeypatch):
    run = toy.start(TWO, ROWS[name].recipe(TWO))
    moved = []
    for method in TO_HOST:
        plain = getattr(torch.Tensor, method)
        noted = lambda self, *args, _name=method, _plain=plain: (moved.append(_name), _plain(self, *args))[1]
        monkeypatch.setattr(torch.Tensor, method, noted)
    for inputs, labels in toy.batches(TWO, 4):
        run.model.batch = (inputs, labels)
        torch.nn.functional.cross_entropy(run.model(inputs), labels).backward()
        moved.clear()
        run.balancer.adjust(labels)
        assert moved.count("tolist") <= 1
        assert set(moved) <= {"tolist"}
        run.optimizer.step()
        run.optimizer.zero_grad()
