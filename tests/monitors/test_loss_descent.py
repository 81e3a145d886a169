"""LossDescent: the published window of unimodal losses, with and without its sign."""

import math

import pytest
import torch
from torch import nn

from asgml.monitors import LossDescent
from steps import step_of, told


def losing(*losses):
    """Steps whose two-class logits have exactly these cross-entropies; `a` and `v` get one each."""
    for pair in losses:
        # cross-entropy L of logits (0, z) and label 0 is log(1 + e^z)
        yield step_of({m: torch.tensor([[0.0, math.log(math.expm1(loss))]] * 3) for m, loss in zip("av", pair, strict=True)},
                      torch.zeros(3, dtype=torch.long))  # fmt: skip


SAME = {"a": lambda x: x, "v": lambda x: x}
PUBLISHED = ((1.8, 1.79), (1.5, 1.78), (1.2, 1.75))


def test_the_published_ratio():
    """ASGML's tracker on these losses: descents over their mean 1.875 and 0.125."""
    last = told(LossDescent(SAME, window=10), losing(*PUBLISHED))[-1]
    mean = (last["a"] + last["v"]) / 2
    assert last["a"] / mean == pytest.approx(1.875, abs=1e-4)
    assert last["v"] / mean == pytest.approx(0.125, abs=1e-4)


def test_the_window_and_the_sign():
    rising = [(0.5, 0.5), (1.0, 0.4), (2.0, 0.3), (1.5, 0.2)]
    readings = told(LossDescent(SAME, window=3, signed=True), losing(*rising))
    assert [r["a"] for r in readings] == pytest.approx([0, -0.5, -1.5, -0.5], abs=1e-5), "over three losses at most"
    assert [r["v"] for r in readings] == pytest.approx([0, 0.1, 0.2, 0.2], abs=1e-5), "above 0: the loss falls"
    sizes = told(LossDescent(SAME, window=3), losing(*rising))
    assert [r["a"] for r in sizes] == pytest.approx([0, 0.5, 1.5, 0.5], abs=1e-5)


def test_losses_of_parts_of_a_batch_add_up():
    head, x, y = nn.Linear(4, 3), torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])
    descent = LossDescent.own_head({"a": head})
    whole = descent.evidence(step_of({"a": x}, y))
    parts = [descent.evidence(step_of({"a": x[s]}, y[s])) for s in (slice(0, 2), slice(2, 6))]
    torch.testing.assert_close({key: sum(p[key] for p in parts) for key in whole}, dict(whole))


def test_misuse():
    with pytest.raises(ValueError, match="`window` is counted in measurements and must be at least 2, found 1"):
        LossDescent(SAME, window=1)
    with pytest.raises(ValueError, match="'loss_descent' needs targets"):
        LossDescent(SAME).measure(step_of({"a": torch.ones(2, 2), "v": torch.ones(2, 2)}))
    with pytest.raises(ValueError, match=r"`widths` must add up"):
        LossDescent.split(nn.Linear(4, 3), {"a": 3})
