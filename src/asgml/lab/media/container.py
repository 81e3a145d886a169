"""Opens media containers with PyAV and turns every complaint of the decoder into a typed reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from asgml.lab.errors import InputError
from asgml.lab.media import headers
from asgml.lab.media.failures import Patient, Readable, Reason, Unreadable
from asgml.lab.media.image import PIXELS
from asgml.lab.media.stand_ins import ENOUGH, beginning

SHORTFALL = 0.25
"""Seconds by which a stream may end before its container says: a container's figure is rounded and counts the other stream."""
FILMS = (
    "mov", "matroska", "avi", "flv", "live_flv", "mpeg", "mpegts", "mpegvideo", "asf", "ogg", "m4v", "h264", "hevc", "av1",
    "ivf", "mjpeg", "dv", "mxf", "nut", "rm", "gif", "apng", "yuv4mpegpipe",
    "png_pipe", "jpeg_pipe", "webp_pipe", "bmp_pipe", "tiff_pipe",
)  # fmt: skip
SOUNDS = (
    "wav", "mp3", "flac", "aac", "aiff", "amr", "amrnb", "amrwb", "ac3", "eac3", "dts", "au", "caf", "w64", "ape", "wv", "tta",
    "mpc", "mpc8", "tak", "dsf", "voc", "shn", "truehd", "nistsphere",
)  # fmt: skip
"""What is read, by FFmpeg's names: kinds that hold their own sound and picture. Lists of other files, texts that describe a
broadcast, and devices are none: they would open files and sockets."""
ATTACHED = 0x400
"""FFmpeg's mark of such a stream."""
TICKS = 1e6
"""Of a container's duration, in a second."""


@dataclass
class Opened:
    """An open container, and its first stream of the wanted kind."""

    container: Any
    stream: Any
    kind: str
    ends: dict[int, float] = field(default_factory=dict)
    """Of every stream, in seconds, as far as packets were read."""

    def packets(self) -> Iterator[Any]:
        """Yield the packets of the stream; those of others only tell where these end."""
        for packet in self.container.demux():
            if packet.pts is not None and packet.size:
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                self.ends[packet.stream.index] = max(end, self.ends.get(packet.stream.index, 0.0))
            if packet.stream.index == self.stream.index:
                yield packet

    def refuse_cut(self, found: float) -> None:
        """Raise Unreadable where the stream, all read, ends well before its headers say; `found`: seconds that were decoded.

        Some containers say how long the longest of their streams is, and no more: there all streams are looked at, since sound
        and picture of a whole film may differ in length.
        """
        own, whole = self._promised(), (self.container.duration or 0) / TICKS
        pairs = [] if own is None else [(own, max(found, self.end))]
        if not self.stream.duration:
            pairs.append((whole, max([found, *self.ends.values()])))
        for said, last in pairs:
            if last < said - max(SHORTFALL, 0.05 * said):
                what = f"its header promises {said:.2f} s of {self.kind}, {last:.2f} s are there"
                raise Unreadable(Reason.DAMAGED, f"{what}: it was cut off")

    @property
    def promised(self) -> float | None:
        """The seconds of the stream as the headers say, or those of the longest stream; None where they say nothing."""
        own, whole = self._promised(), self.container.duration
        return own if own is not None else whole / TICKS if whole else None

    @property
    def end(self) -> float:
        """Where the stream ends, in seconds, as far as its packets were read."""
        return self.ends.get(self.stream.index, 0.0)

    def _promised(self) -> float | None:
        """The seconds of the stream itself, as its headers or its tags say; None where they say nothing."""
        if self.stream.duration:
            return float(self.stream.duration * self.stream.time_base)
        whole, said = self.container.duration, _clock(self.stream.metadata.get("DURATION", ""))
        return min(said, whole / TICKS) if whole and said else None


@contextmanager
def opened(file: Readable, kind: str) -> Iterator[Opened]:
    """Open a file and yield its first stream of a `kind`, "audio" or "video"; nothing else is opened for it.

    Raises Unreadable where it is no container, has no such stream, or breaks while the caller decodes.
    """
    av = _av()
    if headers.is_cut_film(file):
        raise Unreadable(Reason.DAMAGED, "its header promises more bytes than are there: it was cut off")
    file.seek(0)
    small = {"max_pixels": str(PIXELS)}
    allowed = {"format_whitelist": ",".join((*FILMS, *SOUNDS))}
    try:
        with av.open(Patient(file), mode="r", options=allowed | small, io_open=_refuse) as container:
            yield Opened(container, _stream(container, kind, small), kind)
    except (av.FFmpegError, ValueError, OSError, EOFError) as error:
        raise Unreadable(Reason.DAMAGED, f"the {kind} cannot be decoded: {_words(error)}{_text(file)}") from error


def _stream(container: Any, kind: str, options: dict[str, str]) -> Any:
    streams = [s for s in getattr(container.streams, kind) if not _is_cover(s)]
    if not streams:
        raise Unreadable(Reason.NO_STREAM, f"the file has no {kind} stream")
    if streams[0].codec_context is None:
        raise Unreadable(Reason.DAMAGED, f"the {kind} is coded in a way that is not known here")
    streams[0].thread_type, streams[0].codec_context.thread_count = "NONE", 1
    streams[0].codec_context.options = options
    return streams[0]


def _is_cover(stream: Any) -> bool:
    """Whether it is the picture of an album, which some call a film of one frame."""
    return bool(stream.disposition & ATTACHED)


def _clock(written: str) -> float | None:
    """Seconds of "00:00:02.023000000"; None for anything else."""
    try:
        hours, minutes, seconds = (float(part) for part in written.split(":"))
    except ValueError:
        return None
    return hours * 3600 + minutes * 60 + seconds


def _refuse(url: str, flags: int, options: object) -> None:
    raise PermissionError(f"it asks for another file, {url}")


def _words(error: BaseException) -> str:
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if getattr(error, "errno", None) == 22:  # FFmpeg's answer to a kind off the list, and to frames that are too large
        large = f"has frames of more than {PIXELS / 1e6:.0f} million pixels"
        return f"{said}; it is no film or sound of a kind that is read, or {large}"
    return str(said)


def _text(file: Readable) -> str:
    try:
        file.seek(0)
        return beginning(file.read(ENOUGH))
    except (OSError, ValueError):
        return ""


def _av() -> Any:
    try:
        import av
    except Exception as error:  # a broken installation fails in many ways
        raise InputError(f"media files need PyAV (found: {error}); pip install 'asgml[media]'") from error
    return av
