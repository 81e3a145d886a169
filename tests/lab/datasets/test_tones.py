import numpy as np
import pytest

from asgml.lab.datasets import _tones

DIGITS = np.repeat(np.arange(10), 30)


def _generators(seed: int = 0) -> tuple[np.random.Generator, np.random.Generator]:
    return np.random.default_rng(seed), np.random.default_rng(seed + 1)


def _dial(wave: np.ndarray) -> int:
    """Read the key as a receiver does: the strongest row and the strongest column frequency."""
    spectrum = np.abs(np.fft.rfft(wave, 8 * _tones.LENGTH))
    hertz = np.fft.rfftfreq(8 * _tones.LENGTH, 1 / _tones.RATE)

    def strongest(options: tuple[int, ...]) -> int:
        return options[int(np.argmax([spectrum[np.abs(hertz - f) <= 0.02 * f].max() for f in options]))]

    pair = strongest((697, 770, 852, 941)), strongest((1209, 1336, 1477))
    table = {(697, 1209): 1, (697, 1336): 2, (697, 1477): 3, (770, 1209): 4, (770, 1336): 5, (770, 1477): 6,
             (852, 1209): 7, (852, 1336): 8, (852, 1477): 9, (941, 1336): 0}  # fmt: skip
    return table.get(pair, -1)


def test_every_digit_is_dialled() -> None:
    waves = _tones.sounds(DIGITS, 30.0, *_generators())
    assert [_dial(w) for w in waves] == DIGITS.tolist()


def test_every_digit_can_still_be_read_from_its_spectrogram() -> None:
    spectrograms = _tones.spectrograms(DIGITS, 40.0, *_generators())
    hertz = np.arange(10, 58) * 31.25
    loudest = spectrograms[:, 0].max(axis=2)
    bins = np.abs(hertz[:, None, None] - _tones.KEYS).argmin(axis=0)  # (10, 2)
    assert np.array_equal(loudest[:, bins].sum(axis=2).argmax(axis=1), DIGITS)


def test_a_tone_has_power_one_while_it_sounds_and_silence_around() -> None:
    tone = _tones.pure(DIGITS, np.random.default_rng(0))
    sounding = np.array([np.ptp(np.flatnonzero(t)) + 1 for t in tone])
    assert np.allclose(np.sum(tone**2, axis=1) / sounding, 1, rtol=0.02)
    assert 0.078 <= sounding.min() / 4000 < 0.1
    assert 0.16 < sounding.max() / 4000 <= 0.18


def test_onset_and_level_vary() -> None:
    tones, noise = _generators()
    waves = _tones.sounds(DIGITS, 60.0, tones, noise)
    level = 20 * np.log10(np.sort(np.abs(waves), axis=1)[:, -20:].mean(axis=1))
    assert 8 < np.ptp(level) < 16
    onsets = [np.flatnonzero(t)[0] for t in _tones.pure(DIGITS, np.random.default_rng(0))]
    assert min(onsets) < 30
    assert max(onsets) > 500


def test_frequencies_err_by_at_most_one_and_a_half_percent() -> None:
    tone = _tones.pure(np.zeros(300, dtype=np.int64), np.random.default_rng(0))
    spectrum, hertz = np.abs(np.fft.rfft(tone, 2**15)), np.fft.rfftfreq(2**15, 1 / 4000)
    below = hertz < 1100
    error = hertz[below][spectrum[:, below].argmax(axis=1)] / 941 - 1
    assert 0.01 < np.abs(error).max() < 0.018
    assert abs(error.mean()) < 0.002


@pytest.mark.parametrize("snr_db", [-10.0, 0.0, 15.0])
def test_the_signal_to_noise_ratio_is_the_one_asked_for(snr_db: float) -> None:
    tone = _tones.pure(DIGITS, np.random.default_rng(0))
    sounding = tone != 0
    waves = _tones.sounds(DIGITS, snr_db, *_generators())
    noise = np.array([w[~on].var() for w, on in zip(waves, sounding, strict=True)])
    both = np.array([np.mean(w[on] ** 2) for w, on in zip(waves, sounding, strict=True)])
    assert abs(10 * np.log10(np.mean(both / noise - 1)) - snr_db) < 0.5


def test_the_noise_ratio_leaves_tones_and_noise_as_drawn() -> None:
    low, high = (_tones.sounds(DIGITS, snr, *_generators()) for snr in (0.0, 20.0))
    tone = _tones.pure(DIGITS, np.random.default_rng(0))
    level = (low[:, :1] * (tone[:, :1] == 0) / np.random.default_rng(1).standard_normal(low.shape)[:, :1])[:, :, None]
    here = tone[:, 0] == 0
    assert np.allclose((high - low)[here], level[here, 0] * 9 * tone[here])


def test_many_sounds_are_made_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tones, "CHUNK", 128)
    found = _tones.spectrograms(DIGITS, 10.0, *_generators())
    assert found.shape == (300, 1, 48, 16)
    assert len(np.unique(found[:, 0, 0, 0])) == 300
