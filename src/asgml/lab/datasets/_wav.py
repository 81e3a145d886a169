"""Reads a WAV file and believes nothing that its header says: a cut file is an error, not a shorter sound."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import soundfile

from asgml.lab.datasets._base import Array
from asgml.lab.errors import InputError

WIDTH = {"PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}
"""Bytes per sample of the encodings that are accepted, all of them uncompressed."""


def decode(path: Path, content: bytes, rate: int) -> Array:
    """Return the samples (n,) float32 of a WAV file with this content, which must have one channel and `rate` in Hz.

    Raises InputError with `path` where the file is empty, cut off, no uncompressed WAV, of another rate or number of
    channels, silent, or where its header promises other data than there are. (libsndfile gives, without a word, what is left
    of a file that is cut off.)
    """
    size = _sound_bytes(path, content)
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            found = (file.samplerate, file.channels, file.subtype)
            samples = file.read(dtype="float32", always_2d=True)[:, 0]
    except soundfile.LibsndfileError as error:
        raise _bad(path, f"libsndfile cannot read it: {error.error_string}") from error
    if found[:2] != (rate, 1) or found[2] not in WIDTH:
        raise _bad(
            path, f"must have {rate} Hz, 1 channel, uncompressed, found {found[0]} Hz, {found[1]}, {found[2]}; convert it"
        )
    if len(samples) * WIDTH[found[2]] != size:
        raise _bad(path, f"its header promises {size} bytes of sound, {len(samples)} samples of {found[2]} could be read")
    return _audible(path, samples)


def _audible(path: Path, samples: Array) -> Array:
    if not np.isfinite(samples).all():
        raise _bad(path, "it has samples that are infinite or not a number")
    if not samples.any():
        raise _bad(path, "it is silent throughout" if len(samples) else "it holds no samples")
    return samples


def _sound_bytes(path: Path, content: bytes) -> int:
    """Walk the chunks of the file and return the size of its sound; every chunk, and their sum, must be all there."""
    if not content:
        raise _bad(path, "it is empty (0 bytes)")
    if len(content) < 12 or content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        from asgml.lab.media.failures import told

        raise _bad(path, f"it is not a WAV file: it begins with {content[:12]!r}{told(content)}")
    sizes: dict[bytes, int] = {}
    at = 12
    while at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        at += 8
        if at + size > len(content):
            raise _bad(path, _promise(f"{size} bytes in its part {name!r}", f"{len(content) - at} are there"))
        sizes.setdefault(name, size)
        at += size + size % 2
    promised = 8 + struct.unpack_from("<I", content, 4)[0]
    if b"data" not in sizes or not at - 1 <= promised <= at or len(content) > at:
        raise _bad(
            path,
            _promise(
                f"{promised} bytes in all",
                f"{len(content)} are there, in the parts {[name.decode('latin-1') for name in sizes]}",
            ),
        )
    return sizes[b"data"]


def _promise(promised: str, found: str) -> str:
    return f"its header promises {promised}, {found}: it was cut off or changed"


def _bad(path: Path, what: str) -> InputError:
    return InputError(f"{path}: {what}; replace this recording, or take it out of the folder")
