"""Makes real media files, tiny ones: a tone that tells its frequency and frames that tell their number."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np


def tone(seconds: float, rate: int, pitch: float = 440.0, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def film(
    path: Path, *, seconds: float = 1.0, size: tuple[int, int] = (480, 360), codec: str = "flv1", sound: str | None = "mp3",
    pitch: float = 440.0, level: float = 0.3, grey=lambda n: 10 + 6 * n, rate: Fraction = Fraction(30000, 1001),
) -> Path:  # fmt: skip
    """Write a film whose frame n is of one grey; flv1 + mp3 at 29.97 Hz is what CREMA-D has."""
    import av

    with av.open(str(path), "w") as file:
        video = file.add_stream(codec, rate=rate)
        video.width, video.height = size
        video.pix_fmt, video.bit_rate = "yuv420p", 2_000_000
        audio = file.add_stream({"mp3": "libmp3lame"}.get(sound, sound), rate=44100, layout="mono") if sound else None
        for n in range(round(seconds * rate)):
            picture = np.full((size[1], size[0], 3), np.mod(grey(n), 256), np.uint8)
            for packet in video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                file.mux(packet)
        for packet in video.encode():
            file.mux(packet)
        if audio:
            _add_sound(av, file, audio, tone(seconds, 44100, pitch, level))
    return path


def _add_sound(av, file, stream, samples: np.ndarray) -> None:
    size = stream.codec_context.frame_size or 1152
    for start in range(0, len(samples), size):
        part = samples[None, start : start + size]
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44100, start
        for packet in stream.encode(frame):
            file.mux(packet)
    for packet in stream.encode():
        file.mux(packet)
