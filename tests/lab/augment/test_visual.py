import pytest
import torch

from asgml.lab.augment import augmented
from asgml.lab.config.augment import Augment

SIZE = 24


def pictures(n=64):
    """Left half red, right half green, the upper part lighter: (n, 3, 24, 24)."""
    x = torch.zeros(n, 3, SIZE, SIZE)
    x[:, 0, :, : SIZE // 2] = 1
    x[:, 1, :, SIZE // 2 :] = 1
    return x + torch.linspace(0.5, 0, SIZE)[:, None]


def change(x, seed=0, **settings):
    return augmented({"visual": x}, Augment.model_validate({"visual": settings}), seed, 1, 0)["visual"]


def test_a_flip_is_a_flip_and_as_frequent_as_it_should_be():
    x = pictures(400)
    assert torch.allclose(change(x, flip=1.0), x.flip(-1), atol=1e-6)
    mirrored = (change(x, flip=0.25)[:, 0, :, 0].mean(1) < 0.6).float().mean()
    assert mirrored == pytest.approx(0.25, abs=0.07)


def test_a_crop_is_a_part_of_the_picture_resized():
    ramp = torch.linspace(0, 1, SIZE).expand(200, 1, SIZE, SIZE)
    found = change(ramp, crop=0.3)
    assert found.shape == ramp.shape
    steps = found.diff(dim=-1)
    assert (steps >= -1e-6).all()
    width = found[:, 0, 0, -1] - found[:, 0, 0, 0]
    assert width.min() > 0.3 * 0.7
    assert width.max() <= 1 + 1e-6
    assert width.std() > 0.05
    assert found[:, 0, 0, 0].min() < 0.05
    assert found[:, 0, 0, -1].max() > 0.95


def test_colours_move_within_their_bounds():
    x = torch.randn(200, 3, 8, 8)
    ratio = change(x, colour=0.4).std((1, 2, 3)) / x.std((1, 2, 3))
    assert 0.3 < ratio.min() < 0.8
    assert 1.2 < ratio.max() < 2
    assert (change(x, colour=0.4) - x).mean((1, 2, 3)).abs().max() < 0.45


def test_a_hole_has_the_area_it_should_have():
    x = torch.ones(300, 3, SIZE, SIZE)
    found = change(x, erase=0.5)
    area = (found[:, 0] == 0).float().mean((1, 2))
    assert (area > 0).float().mean() == pytest.approx(0.5, abs=0.1)
    assert 0.01 < area[area > 0].min() < 0.06
    assert area.max() < 0.36
    assert ((found == 0).all(1) == (found == 0).any(1)).all()


def test_frames_of_a_clip_are_changed_alike():
    clips = pictures(8)[:, None].repeat(1, 3, 1, 1, 1)
    found = change(clips, crop=0.3, flip=0.5, colour=0.3, erase=0.5)
    assert found.shape == clips.shape
    assert torch.equal(found[:, 0], found[:, 2])
    assert not torch.equal(found[0], found[1])
