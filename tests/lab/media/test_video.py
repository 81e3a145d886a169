import numpy as np
import pytest

from asgml.lab.media import Reason, Unreadable, read_frames
from clips import film

RNG = np.random.default_rng(0)


def greys(frames):
    """The number of each frame, from its grey."""
    return np.rint((frames.pixels.mean((1, 2, 3)) - 10) / 6)


def test_flv_frames_are_those_of_their_time(flv):
    frames = read_frames(flv, 3, 32, "even", RNG)
    assert frames.pixels.shape == (3, 3, 32, 32)
    assert frames.pixels.dtype == np.uint8
    assert np.abs(frames.times - [0.2, 0.6, 1.0]).max() < 0.04
    assert np.abs(greys(frames) - frames.times * 29.97).max() <= 1
    assert frames.seconds == pytest.approx(1.2, abs=0.02)


def test_first_is_the_beginning_of_the_clip(flv):
    frames = read_frames(flv, 2, 8, "first", RNG)
    assert frames.times == pytest.approx([0, 0.033], abs=1e-3)


def test_mp4_frames_out_of_decoding_order_are_put_in_order(mp4):
    frames = read_frames(mp4, 12, 8, "even", RNG)
    assert (np.diff(frames.times) > 0).all()
    assert np.abs(greys(frames) - frames.times * 29.97).max() <= 1


def test_channels_come_first_and_in_rgb(tmp_path):
    path = film(tmp_path / "red.mp4", seconds=0.2, codec="libx264", sound=None, size=(64, 48), grey=lambda n: (250, 10, 10))
    assert np.abs(read_frames(path, 1, 4, "even", RNG).pixels[0].mean((1, 2)) - [250, 10, 10]).max() < 20


def reason(path, **settings):
    with pytest.raises(Unreadable) as caught:
        read_frames(path, 3, 8, "even", RNG, **settings)
    return caught.value.reason


def test_each_failure_has_its_reason(flv, tmp_path):
    (tmp_path / "empty.flv").touch()
    (tmp_path / "noise.flv").write_bytes(RNG.bytes(5000))
    (tmp_path / "cut.flv").write_bytes(flv.read_bytes()[: flv.stat().st_size // 2])
    assert reason(tmp_path / "nowhere.flv") is Reason.MISSING
    assert reason(tmp_path / "empty.flv") is Reason.EMPTY
    assert reason(tmp_path / "noise.flv") is Reason.DAMAGED
    assert reason(tmp_path / "cut.flv") is Reason.DAMAGED
    assert reason(flv, least=1.5) is Reason.TOO_SHORT
