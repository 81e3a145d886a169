"""The telephone keypad's dual tones (ITU-T Q.23), as a receiver might get them (ITU-T Q.24), in white noise.

Vary from tone to tone, uniformly: duration 80-180 ms, onset, phases, each component's frequency by up to 1.5 % (what a
receiver accepts, Q.24), the twist (one component's level over the other's) by up to 4 dB, the level of the whole by up to 6 dB.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from asgml.lab.datasets import _spectrogram
from asgml.lab.datasets._base import Array
from asgml.lab.datasets._strata import Rows

RATE = 4000
"""Samples per second: all frequencies of the keypad lie below 1,500 Hz."""
LENGTH = 1024
"""Samples per sound: 0.256 s."""
DURATION = (320, 720)
"""Shortest and longest tone, in samples: 80 and 180 ms."""
FREQUENCY_ERROR, TWIST_DB, LEVEL_DB = 0.015, 4.0, 6.0
WINDOW, HOP, BINS = 128, 59, slice(10, 58)
"""Spectrogram: 32 ms every 14.75 ms, 48 steps of 31.25 Hz from 312.5 (what a telephone passes) to 1,781.25 Hz, 16 frames."""
CHUNK = 2048

KEYS = np.array([(941, 1336)] + [(low, high) for low in (697, 770, 852) for high in (1209, 1336, 1477)], dtype=np.float64)
"""(10, 2): the two frequencies of each digit's key, in Hz."""

Waves = npt.NDArray[np.float64]


def pure(digits: Rows, rng: np.random.Generator) -> Waves:
    """Return one tone per digit, (N, LENGTH): silence, but for the tone, whose mean power while it sounds is 1."""
    shape = (len(digits), 2, 1)
    hertz = KEYS[digits][:, :, None] * (1 + rng.uniform(-FREQUENCY_ERROR, FREQUENCY_ERROR, shape))
    phase = rng.uniform(0, 2 * np.pi, shape)
    twist = 10 ** (rng.uniform(-TWIST_DB, TWIST_DB, (len(digits), 1)) / 20)
    length = rng.integers(DURATION[0], DURATION[1], size=(len(digits), 1), endpoint=True)
    onset = rng.integers(0, LENGTH - length, endpoint=True)
    time = np.arange(LENGTH)
    both = np.sin(2 * np.pi * hertz * time / RATE + phase)
    tone = np.where((time >= onset) & (time < onset + length), twist * both[:, 0] + both[:, 1], 0.0)
    return np.asarray(tone / np.sqrt(np.sum(tone**2, axis=1, keepdims=True) / length))


def sounds(digits: Rows, snr_db: float, tones: np.random.Generator, noise: np.random.Generator) -> Waves:
    """Return each digit's tone in white noise, (N, LENGTH).

    `snr_db` is the mean power of the tone while it sounds over the mean power of the noise (0-2,000 Hz), in dB; the level
    scales both alike.
    """
    tone = 10 ** (snr_db / 20) * pure(digits, tones)
    level = 10 ** (tones.uniform(-LEVEL_DB, LEVEL_DB, (len(digits), 1)) / 20)
    return np.asarray(level * (tone + noise.standard_normal(tone.shape)))


def spectrograms(digits: Rows, snr_db: float, tones: np.random.Generator, noise: np.random.Generator) -> Array:
    """Return the log power spectrogram of each digit's sound, (N, 1, 48, 16), not yet standardised."""
    chunks = (digits[start : start + CHUNK] for start in range(0, len(digits), CHUNK))
    waves = (sounds(chunk, snr_db, tones, noise) for chunk in chunks)
    return np.concatenate([_spectrogram.logarithm(_spectrogram.power(w, WINDOW, HOP, BINS), 1e-3) for w in waves])
