"""What both sounds share on their way to a model: a short-time spectrum, its logarithm, its scale."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from asgml.lab.datasets._base import Array


def power(waves: npt.NDArray[np.float64], window: int, hop: int, bins: slice) -> npt.NDArray[np.float64]:
    """Return the power spectrogram (N, F, T) of waves (N, samples): Hann window, `window` and `hop` in samples.

    `bins` are the frequencies to keep, in steps of rate / `window`. White noise of variance 1 has power 1 on average.
    """
    hann = np.hanning(window + 1)[:-1]
    hann /= np.sqrt(np.sum(hann**2))
    frames = np.lib.stride_tricks.sliding_window_view(waves, window, axis=1)[:, ::hop]
    spectrum = np.fft.rfft(frames * hann, axis=2)[:, :, bins]
    return np.moveaxis(spectrum.real**2 + spectrum.imag**2, 2, 1)


def logarithm(power: npt.NDArray[np.floating], floor: float) -> Array:
    """Return log(power + floor) of (N, F, T) as an input (N, 1, F, T), float32; the floor keeps silence finite."""
    log: Array = np.log(power + floor).astype(np.float32, order="C")[:, None]
    return log


def standardise(splits: Mapping[str, Array]) -> dict[str, Array]:
    """Give every frequency of (N, 1, F, T) mean 0 and standard deviation 1, both taken from `train` alone."""
    train = splits["train"]
    mean = train.mean(axis=(0, 3), keepdims=True, dtype=np.float64)
    sd = np.maximum(train.std(axis=(0, 3), keepdims=True, dtype=np.float64), 1e-6)
    return {name: (x - mean.astype(np.float32)) / sd.astype(np.float32) for name, x in splits.items()}
