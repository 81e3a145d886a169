"""Opens media containers with PyAV and turns every complaint of the decoder into a typed reason."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from asgml.lab.errors import InputError
from asgml.lab.media.failures import Reason, Unreadable

SHORTFALL = 0.25
"""Seconds by which a stream may end before its container says: a container's figure is rounded and counts the other stream."""


@contextmanager
def opened(content: bytes, kind: str) -> Iterator[tuple[Any, Any]]:
    """Open a file's content and yield the container and its first stream of a `kind`, "audio" or "video".

    Raises Unreadable where it is no container, has no such stream, or breaks while the caller decodes.
    """
    av = _av()
    try:
        with av.open(io.BytesIO(content), mode="r") as container:
            streams = getattr(container.streams, kind)
            if not streams:
                raise Unreadable(Reason.NO_STREAM, f"the file has no {kind} stream")
            streams[0].thread_type, streams[0].codec_context.thread_count = "NONE", 1
            yield container, streams[0]
    except (av.FFmpegError, ValueError, OSError, EOFError) as error:
        raise Unreadable(Reason.DAMAGED, f"the {kind} cannot be decoded: {error}") from error


def promised(container: Any, stream: Any) -> float | None:
    """Return the seconds of a stream as its headers say, None where they say nothing."""
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration else None


def refuse_cut(said: float | None, found: float, kind: str) -> None:
    """Raise Unreadable where a stream ends well before the `said` seconds."""
    if said is not None and found < said - max(SHORTFALL, 0.05 * said):
        raise Unreadable(Reason.DAMAGED, f"its header promises {said:.2f} s of {kind}, {found:.2f} s are there: it was cut off")


def _av() -> Any:
    try:
        import av
    except Exception as error:  # a broken installation fails in many ways
        raise InputError(f"media files need PyAV (found: {error}); pip install 'asgml[media]'") from error
    return av
