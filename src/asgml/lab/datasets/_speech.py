"""From recordings of different lengths and levels to small log power spectrograms of one second."""

from __future__ import annotations

import numpy as np
import torch

from asgml.lab.datasets import _spectrogram
from asgml.lab.datasets._base import Array

RATE = 8000
"""Samples per second, and the length of every recording after cutting or padding: 1 s."""
WINDOW, HOP = 256, 125
"""Of the short-time Fourier transform, in samples: 32 ms every 15.6 ms."""
BANDS, FRAMES = 32, 32
"""What is handed over: bands of 125 Hz (0 Hz left out), frames of 31 ms; each the mean power of four bins by two frames."""
FLOOR = 1e-2
"""Added to the power before the logarithm; a recording has power 1 on average."""


def fit(samples: Array) -> Array:
    """Return the first second of a recording (n,), with zeros after its end, (8000,); its own samples have mean power 1."""
    kept = samples[:RATE]
    level = np.sqrt(np.mean(kept.astype(np.float64) ** 2))
    return np.pad(kept / np.float32(max(level, 1e-9)), (0, RATE - len(kept)))


def add_noise(waves: Array, snr_db: float | None, rng: np.random.Generator) -> Array:
    """Return fitted recordings (N, 8000) plus white noise over the whole second; None: as they are.

    `snr_db` is the mean power of the recording, where there is one, over that of the noise (0-4,000 Hz), in dB.
    """
    if snr_db is None:
        return waves
    return waves + np.float32(10 ** (-snr_db / 20)) * rng.standard_normal(waves.shape, dtype=np.float32)


def spectrograms(waves: Array) -> Array:
    """Return log power spectrograms (N, 1, 32, 32) of waves (N, 8000), not yet standardised."""
    window = torch.hann_window(WINDOW)
    spectrum = torch.stft(
        torch.from_numpy(waves), WINDOW, HOP, window=window / window.norm(), pad_mode="constant", return_complex=True
    )
    power = spectrum.abs().square()[:, 1:, : 2 * FRAMES].numpy()
    small = power.reshape(len(waves), BANDS, -1, FRAMES, 2).mean(axis=(2, 4))
    return _spectrogram.logarithm(small, FLOOR)
