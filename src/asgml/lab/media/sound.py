"""The sound of a file as samples of one channel at a wanted rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
from scipy.signal import resample_poly

from asgml.lab.media import container, headers
from asgml.lab.media.failures import Patient, Readable, Reason, Unreadable, handle
from asgml.lab.media.mixing import Mix

Samples = npt.NDArray[np.float32]
SILENCE = 1e-5
"""A sound whose largest sample is below this (-100 dB of full scale) is silent."""

RATES = 1000, 768_000
"""Samples per second that recordings have; another number is a damaged header's."""
LONGER = 60.0
"""Seconds: a sound that is no longer than what is wanted of it and this is decoded whole, so that damage is found."""
BEYOND = 1.0
"""Seconds that are decoded beyond what is wanted of a longer one: resampling looks a little ahead."""
MOST_SAMPLES = 120_000_000
"""Of one channel, in memory at once; 41 minutes at 48,000 Hz."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Samples (n,) float32 of one channel, full scale 1, and their rate in Hz."""

    samples: Samples
    rate: int
    whole: float | None = None
    """How long the file's sound lasts, in seconds, where not all of it was decoded."""

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.rate if self.whole is None else self.whole


def read_sound(path: Path, rate: int, *, least: float = 0.0, most: float | None = None) -> Sound:
    """Decode a sound file or the sound of a film: channels averaged, resampled to `rate` Hz (polyphase, as scipy's).

    Where channels cancel each other, so that next to nothing is left of their average, the loudest is taken. `most`: how many
    seconds are wanted; of a sound that lasts over a minute longer the rest is not decoded. Raises Unreadable; also where it
    lasts less than `least` seconds or is silent throughout.
    """
    with handle(path) as file:
        found = _decoded(file, most)
        if found.cancels:
            found = _decoded(file, most, found.loudest)
    samples, native = found.samples, found.rate
    if not np.isfinite(samples).all():
        raise Unreadable(Reason.DAMAGED, "it has samples that are infinite or not a number")
    if len(samples) < max(1.0, least * native):
        raise Unreadable(Reason.TOO_SHORT, f"the audio lasts {len(samples) / native:.2f} s, {least:g} s are wanted")
    if np.abs(samples).max() < SILENCE:
        raise Unreadable(Reason.SILENT, f"no sample of {len(samples) / native:.2f} s is above {SILENCE:g} of full scale")
    return Sound(_resampled(samples, native, rate), rate, found.whole)


def length(path: Path) -> float:
    """Return how many seconds the sound of a file lasts, as its headers say, without decoding it. Raises Unreadable."""
    with handle(path) as file:
        try:
            with soundfile.SoundFile(_whole(file)) as opened:
                return float(opened.frames / _rate(opened.samplerate))
        except soundfile.LibsndfileError:
            with container.opened(file, "audio") as heard:
                return heard.promised or max((heard.end for _ in heard.packets()), default=0.0)


def _decoded(file: Readable, most: float | None, channel: int | None = None) -> Mix:
    found = _by_libsndfile(file, most, channel)
    return _by_ffmpeg(file, most, channel) if found is None else found


def _whole(file: Readable) -> Readable:
    """Return a sound whose header is filled in where it has to be; Unreadable where the end of it is missing."""
    found = headers.promise(file)
    if found and found.cut:
        raise Unreadable(
            Reason.DAMAGED, f"its header promises {found.said} bytes of sound, {found.there} are there: it was cut off"
        )
    if headers.is_cut_ogg(file):
        raise Unreadable(Reason.DAMAGED, "its last page promises more than is there: it was cut off")
    source = headers.filled(file, found) if found and (found.unknown or found.form) else file
    source.seek(0)
    return Patient(source)


def _by_libsndfile(file: Readable, most: float | None, channel: int | None) -> Mix | None:
    """Return the sound; None where libsndfile does not know the format."""
    try:
        with soundfile.SoundFile(_whole(file)) as opened:
            said, rate = opened.frames, _rate(opened.samplerate)
            wanted = _wanted(said, rate, most)
            mix = Mix(rate, channel)
            for block in _blocks(opened, wanted):
                mix.add(block)
            if len(mix) < wanted or (wanted < said and _ends_early(opened)):
                raise Unreadable(Reason.DAMAGED, "its header promises more sound than is there: it was cut off")
    except soundfile.LibsndfileError:
        return None
    mix.whole = said / rate if wanted < said else None
    return mix


def _blocks(opened: Any, wanted: int) -> Iterator[Samples]:
    """Yield blocks (n, channels) of samples: also of codecs that cannot be read at once, since they cannot go back."""
    size = max(1024, 2**20 // opened.channels)
    while wanted > 0:
        block = opened.read(min(size, wanted), dtype="float32", always_2d=True)
        if not len(block):
            return
        wanted -= len(block)
        yield block


def _ends_early(opened: Any) -> bool:
    """Whether the end of a long sound is missing, as far as it can be looked at without decoding all."""
    if not opened.seekable():
        return False
    opened.seek(max(0, opened.frames - opened.samplerate // 4))
    return not len(opened.read(1))


def _wanted(said: int, rate: int, most: float | None) -> int:
    """How many samples are decoded: all that are there, or as many as are wanted of a sound that is much longer."""
    wanted = said if most is None or said <= (most + LONGER) * rate else round((most + BEYOND) * rate)
    if wanted > MOST_SAMPLES:
        raise Unreadable(
            Reason.TOO_LARGE, f"{wanted / rate:.0f} s at {rate} Hz are more than can be held; cut it, or take less of it"
        )
    return wanted


def _by_ffmpeg(file: Readable, most: float | None, channel: int | None) -> Mix:
    with container.opened(file, "audio") as heard:
        if not heard.stream.rate:
            raise Unreadable(Reason.DAMAGED, "the audio has no sample rate")
        rate = _rate(heard.stream.rate)
        said = round((heard.promised or 0.0) * rate)
        wanted = _wanted(said, rate, most)
        stop = wanted if wanted < said else MOST_SAMPLES if most is None else round((most + LONGER + BEYOND) * rate)
        mix = _mixed(heard, Mix(rate, channel), min(stop, MOST_SAMPLES))
        heard.refuse_cut(max(len(mix) / rate, heard.end))
        mix.whole = heard.end if mix.stopped else None
    return mix


def _mixed(heard: container.Opened, mix: Mix, stop: int) -> Mix:
    """Add every frame's samples, up to the sample `stop`; the packets behind it only tell where the sound ends."""
    import av

    resampler = av.AudioResampler("fltp", heard.stream.layout, mix.rate)
    for packet in heard.packets():
        for frame in () if mix.stopped else packet.decode():
            if frame.is_corrupt:
                raise Unreadable(Reason.DAMAGED, f"the audio at {frame.time or 0:.2f} s is corrupt")
            for converted in resampler.resample(frame):
                mix.add(np.asarray(converted.to_ndarray().T[: stop - len(mix)], dtype=np.float32))
        mix.stopped = len(mix) >= stop
    return mix


def _rate(found: int) -> int:
    if not RATES[0] <= found <= RATES[1]:
        raise Unreadable(Reason.DAMAGED, f"a rate of {found} Hz cannot be right")
    return found


def _resampled(samples: Samples, native: int, rate: int) -> Samples:
    common = gcd(native, rate)
    found = samples if native == rate else resample_poly(samples, rate // common, native // common)
    return np.asarray(found, dtype=np.float32)
