import numpy as np
import pytest

from asgml.lab.datasets import _speech

TIME = np.arange(8000) / 8000


def _tone(hertz: float) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * TIME).astype(np.float32)


@pytest.mark.parametrize("length", [10, 3000, 8000, 12000])
@pytest.mark.parametrize("level", [0.001, 1.0])
def test_every_recording_gets_one_length_and_one_level(length: int, level: float) -> None:
    samples = (level * np.random.default_rng(0).standard_normal(length)).astype(np.float32)
    found = _speech.fit(samples)
    assert found.shape == (8000,)
    assert found.dtype == np.float32
    assert np.isclose(np.mean(found[:length] ** 2), 1, rtol=1e-4)
    assert not found[length:].any()


def test_the_first_second_is_kept() -> None:
    samples = np.arange(1, 9001, dtype=np.float32)
    found = _speech.fit(samples)
    assert np.allclose(found / found[0], samples[:8000], rtol=1e-4)


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 12.0])
def test_the_signal_to_noise_ratio_is_the_one_asked_for(snr_db: float) -> None:
    waves = np.stack([_speech.fit(_tone(500)[:n]) for n in (3000, 8000)])
    noise = _speech.add_noise(waves, snr_db, np.random.default_rng(0)) - waves
    assert noise.dtype == np.float32
    assert np.allclose(-10 * np.log10(np.mean(noise**2, axis=1)), snr_db, atol=0.3)
    assert np.std(noise[0, 3000:]) > 0.1  # over the whole second, so that the end of a recording is not to be heard


def test_without_a_ratio_there_is_no_noise() -> None:
    waves = _speech.fit(_tone(500))[None]
    assert _speech.add_noise(waves, None, np.random.default_rng(0)) is waves


@pytest.mark.parametrize(
    ("hertz", "band"), [(31.25, 0), (125, 0), (156.25, 1), (250, 1), (500, 3), (1031.25, 8), (3968.75, 31)]
)
def test_a_tone_stands_in_its_band(hertz: float, band: int) -> None:
    found = _speech.spectrograms(_tone(hertz)[None])
    assert found.shape == (1, 1, 32, 32)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    assert np.all(found[0, 0, :, 1:-1].argmax(axis=0) == band)  # band b: bins 4 b + 1 to 4 b + 4 of 31.25 Hz


def test_a_click_stands_in_its_frame() -> None:
    wave = np.zeros((1, 8000), dtype=np.float32)
    wave[0, 4000] = 50
    found = _speech.spectrograms(wave)[0, 0].mean(axis=0)
    assert found.argmax() in (15, 16)
    assert np.allclose(found[:14], np.log(_speech.FLOOR))


def test_white_noise_has_power_one() -> None:
    waves = np.random.default_rng(0).standard_normal((20, 8000), dtype=np.float32)
    assert abs(np.exp(_speech.spectrograms(waves)).mean() - 1 - _speech.FLOOR) < 0.03


def test_a_recording_does_not_depend_on_its_company() -> None:
    waves = np.random.default_rng(0).standard_normal((7, 8000), dtype=np.float32)
    assert np.array_equal(_speech.spectrograms(waves)[3:4], _speech.spectrograms(waves[3:4]))
