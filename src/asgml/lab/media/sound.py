"""The sound of a file as samples of one channel at a wanted rate."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
from scipy.signal import resample_poly

from asgml.lab.media import container
from asgml.lab.media.failures import Reason, Unreadable, content

Samples = npt.NDArray[np.float32]
SILENCE = 1e-5
"""A sound whose largest sample is below this (-100 dB of full scale) is silent."""

RATES = 1000, 768_000
"""Samples per second that recordings have; another number is a damaged header's."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Samples (n,) float32 of one channel, full scale 1, and their rate in Hz."""

    samples: Samples
    rate: int

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.rate


def read_sound(path: Path, rate: int, *, least: float = 0.0) -> Sound:
    """Decode a sound file or the sound of a film: channels averaged, resampled to `rate` Hz (polyphase, as scipy's).

    Raises Unreadable; also where it lasts less than `least` seconds or is silent throughout.
    """
    data = content(path)
    samples, native = _by_libsndfile(data) or _by_ffmpeg(data)
    if not RATES[0] <= native <= RATES[1]:
        raise Unreadable(Reason.DAMAGED, f"a rate of {native} Hz cannot be right")
    if not np.isfinite(samples).all():
        raise Unreadable(Reason.DAMAGED, "it has samples that are infinite or not a number")
    if len(samples) < max(1.0, least * native):
        raise Unreadable(Reason.TOO_SHORT, f"the audio lasts {len(samples) / native:.2f} s, {least:g} s are wanted")
    if np.abs(samples).max() < SILENCE:
        raise Unreadable(Reason.SILENT, f"no sample of {len(samples) / native:.2f} s is above {SILENCE:g} of full scale")
    return Sound(_resampled(samples, native, rate), rate)


def _by_libsndfile(data: bytes) -> tuple[Samples, int] | None:
    """Return samples and rate; None where libsndfile does not know the format."""
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            said, rate = file.frames, file.samplerate
            samples = file.read(dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        return None
    if len(samples) < said or _is_cut_wav(data):
        raise Unreadable(Reason.DAMAGED, "its header promises more sound than is there: it was cut off")
    return samples.mean(1, dtype=np.float32), rate


def _by_ffmpeg(data: bytes) -> tuple[Samples, int]:
    with container.opened(data, "audio") as (file, stream):
        said, rate = container.promised(file, stream), stream.rate
        if not rate:
            raise Unreadable(Reason.DAMAGED, "the audio has no sample rate")
        parts = list(_mixed(file, stream, rate))
    samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    container.refuse_cut(said, len(samples) / rate, "audio")
    return samples, rate


def _mixed(file: Any, stream: Any, rate: int) -> Any:
    """Yield every frame's samples as one channel, at the stream's rate."""
    import av

    resampler = av.AudioResampler("fltp", stream.layout, rate)
    for frame in file.decode(stream):
        if frame.is_corrupt:
            raise Unreadable(Reason.DAMAGED, f"the audio at {frame.time or 0:.2f} s is corrupt")
        for converted in resampler.resample(frame):
            yield converted.to_ndarray().mean(0, dtype=np.float32)


def _is_cut_wav(data: bytes) -> bool:
    """Whether a part of a WAV file is longer than what is left of the file; libsndfile reads such a file without a word."""
    at = 12
    while data[:4] == b"RIFF" and at + 8 <= len(data):
        size = struct.unpack_from("<I", data, at + 4)[0]
        if data[at : at + 4] == b"data":  # 0 and the largest number are written by recorders that could not seek back
            return bool(size < 0xFFFFFFFF and at + 8 + size > len(data))
        at += 8 + size + size % 2
    return False


def _resampled(samples: Samples, native: int, rate: int) -> Samples:
    common = gcd(native, rate)
    found = samples if native == rate else resample_poly(samples, rate // common, native // common)
    return np.asarray(found, dtype=np.float32)
