import pytest
import torch

from asgml.lab.augment import augmented
from asgml.lab.config.augment import Augment


def change(x, seed=0, **settings):
    return augmented({"audio": x}, Augment.model_validate({"audio": settings}), seed, 1, 0)["audio"]


def test_a_shift_moves_what_is_there_round():
    x = torch.arange(40.0).expand(200, 1, 5, 40)
    found = change(x, shift=0.25)
    by = found[:, 0, 0].argmin(1)
    assert set(by.tolist()) == {*range(11), *range(30, 40)}
    assert all(torch.equal(found[i], x[i].roll(int(by[i]), -1)) for i in range(20))


def test_noise_has_its_standard_deviation():
    x = torch.zeros(20, 1, 50, 40)
    assert change(x, noise=0.3).std() == pytest.approx(0.3, rel=0.02)


@pytest.mark.parametrize(("name", "axis"), [("frequency_mask", 2), ("time_mask", 3)])
def test_a_mask_is_a_stretch_at_the_mean(name, axis):
    x = torch.randn(300, 1, 40, 40)
    found = change(x, **{name: 0.25})
    hidden = (found != x).all(5 - axis)[:, 0]
    assert torch.equal((found != x).any(5 - axis)[:, 0], hidden)
    share = hidden.float().mean(1)
    assert share.max() <= 0.25 + 1e-6
    assert share.mean() == pytest.approx(0.125, abs=0.02)
    assert (hidden.float().diff(dim=1).abs().sum(1) <= 2).all()
    assert found[0][found[0] != x[0]].unique().tolist() == pytest.approx([x[0].mean().item()] * bool(hidden[0].any()), abs=1e-6)
