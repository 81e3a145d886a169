"""A sound as the picture of its spectrum over time: as the OGM-GE line makes it, or on the mel scale."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.fft import rfft

from asgml.lab.media.settings import SpectrumSettings

Array = npt.NDArray[np.float32]


def spectrum(samples: Array, settings: SpectrumSettings) -> Array:
    """Return the spectrum (F, T) float32 of samples (n,) at `settings.rate`.

    ogm: (257, 188) at 3 s; samples clipped to full scale, logarithm of the magnitude (code of Peng et al., OGM-GE, CVPR 2022).
    mel: (bands, 1 + 100 seconds), log(power + 1e-6) in triangular bands of the HTK mel scale, window 25 ms, hop 10 ms.
    """
    wave = np.resize(samples, round(settings.seconds * settings.rate))
    if settings.kind == "ogm":
        found = np.log(np.abs(_stft(np.clip(wave, -1, 1), 512, 512, 353)) + 1e-7)
    else:
        power = np.abs(_stft(wave, 512, 400, 160)) ** 2
        found = np.log(mel_filters(settings.bands, 512, settings.rate) @ power + 1e-6)
    return np.asarray(found, dtype=np.float32)


def _stft(wave: Array, size: int, window: int, hop: int) -> npt.NDArray[np.complex128]:
    """Return (F, T): a Hann window in the middle of `size` samples; frames are centred, with zeros beyond the ends."""
    hann = np.zeros(size)
    hann[(size - window) // 2 :][:window] = np.hanning(window + 1)[:-1]
    padded = np.pad(wave.astype(np.float64), size // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    return np.asarray(rfft(frames * hann, axis=1)).T


@lru_cache
def mel_filters(bands: int, size: int, rate: int) -> npt.NDArray[np.float64]:
    """Return triangular filters (bands, size // 2 + 1) of peak 1 between 0 Hz and `rate` / 2; mel = 2595 log10(1 + f / 700)."""
    top = 2595 * np.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    frequencies = np.linspace(0, rate / 2, size // 2 + 1)
    low, mid, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.maximum(0, np.minimum((frequencies - low) / (mid - low), (high - frequencies) / (high - mid)))
