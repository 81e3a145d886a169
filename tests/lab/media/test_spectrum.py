import numpy as np
import pytest
import torch

from asgml.lab.media import SpectrumSettings, spectrum
from asgml.lab.media.spectrum import mel_filters
from clips import tone


def test_ogm_is_the_published_formula():
    """Written out once more with torch: tiled three times, cut to 3 s, clipped, log(|STFT| + 1e-7)."""
    wave = np.random.default_rng(0).normal(0, 0.6, 40000).astype(np.float32)
    tiled = torch.from_numpy(np.tile(wave, 3)[: 22050 * 3]).clamp(-1, 1).double()
    window = torch.hann_window(512, dtype=torch.float64)
    expected = torch.log(torch.stft(tiled, 512, 353, window=window, pad_mode="constant", return_complex=True).abs() + 1e-7)
    found = spectrum(wave, SpectrumSettings())
    assert found.shape == (257, 188)
    assert found.dtype == np.float32
    assert found == pytest.approx(expected.numpy(), abs=1e-5)


def test_a_longer_sound_is_cut():
    wave = tone(5, 22050)
    assert np.array_equal(spectrum(wave, SpectrumSettings()), spectrum(wave[: 3 * 22050], SpectrumSettings()))


def test_mel_shows_a_tone_in_its_band():
    settings = SpectrumSettings(kind="mel", seconds=1, bands=64)
    found = spectrum(tone(1, 16000, 1000), settings)
    assert found.shape == (64, 101)
    centres = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 66)[1:-1]
    heard = 700 * (10 ** (centres[found[:, 50].argmax()] / 2595) - 1)
    assert heard == pytest.approx(1000, rel=0.04)


def test_mel_filters_touch_their_neighbours_and_reach_everything_between():
    filters = mel_filters(40, 2048, 16000)
    assert filters.min() == 0
    inner = filters.sum(0)[20:-200]
    assert inner == pytest.approx(1, abs=0.01)
