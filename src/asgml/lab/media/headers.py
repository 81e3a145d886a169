"""What the header of an uncompressed sound promises: libsndfile reads a file that was cut off without a word."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from asgml.lab.media.failures import Readable

LARGEST_PAGE = 65_307
"""Bytes of a page of an Ogg file, at most."""
MOST_PARTS = 10_000
"""Of a file: one with more was made to keep a reader busy."""
HEADER = 64
"""Bytes that may be missing: some recorders count the header as sound."""
NEAR = 2**16
"""Programs that write into a pipe cannot go back to fill in a length: they leave 0, or a number so near to the largest one."""
FULL = 2**31, 2**32, 2**63, 2**64
"""One more than the largest numbers of 32 and 64 bits, with a sign and without."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a kind of file is cut into parts: a name, a size, as many bytes."""

    start: int
    sound: bytes
    """The beginning of the name of the part that holds the samples."""
    size: str = "<I"
    name: int = 4
    pad: int = 2
    own: bool = False
    """Whether a size counts the name and itself."""


@dataclass(frozen=True, slots=True)
class Promise:
    """Where the samples begin, how many bytes of them are promised, and how many there are."""

    start: int
    said: int
    there: int
    followed: bool = False
    """Whether parts follow that reach to the end of the file."""
    form: bytes = b""
    """The part that tells how samples are written, where parts are not filled up, so that other readers lose their way."""

    @property
    def unknown(self) -> bool:
        """Whether the program that wrote the file did not know its length."""
        if self.said == 0:
            return self.there > 0 and not self.followed
        return self.said > self.there and min(abs(self.said - full) for full in FULL) <= NEAR

    @property
    def cut(self) -> bool:
        """Whether the end of the sound is missing."""
        return not self.unknown and self.said > self.there + HEADER


def is_cut_ogg(file: Readable) -> bool:
    """Whether an Ogg file ends within a page: some decoders then leave the page out without a word."""
    file.seek(0)
    if file.read(4) != b"OggS":
        return False
    length = _length(file)
    file.seek(max(0, length - 2 * LARGEST_PAGE))
    end = file.read(2 * LARGEST_PAGE)
    at = end.rfind(b"OggS")
    parts = end[at + 26] if at >= 0 and len(end) > at + 26 else 0
    sizes = end[at + 27 : at + 27 + parts]
    return len(sizes) < max(parts, 1) or at + 27 + parts + sum(sizes) > len(end)


def is_cut_film(file: Readable) -> bool:
    """Whether an AVI promises more bytes than there are: FFmpeg then makes its durations fit to what is left."""
    file.seek(0)
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"AVI ":
        return False
    return Promise(8, struct.unpack_from("<I", head, 4)[0], max(0, _length(file) - 8)).cut


def promise(file: Readable) -> Promise | None:
    """Return what an uncompressed sound promises; None for any other kind of file, and where it has no samples at all."""
    file.seek(0)
    head = file.read(40)
    if head[:4] == b".snd" and len(head) >= 12:
        start, said = struct.unpack_from(">II", head, 4)
        return Promise(start, said, max(0, _length(file) - start))
    layout = _layout(head)
    return _walk(file, layout, head[:4]) if layout else None


def _layout(head: bytes) -> Layout | None:
    if head[8:12] == b"WAVE" and head[:4] in (b"RIFF", b"RF64", b"BW64", b"RIFX"):
        return Layout(12, b"data", ">I" if head[:4] == b"RIFX" else "<I")
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return Layout(12, b"SSND", ">I")
    if head[:4] == b"caff":
        return Layout(8, b"data", ">Q", pad=1)
    if head[:4] == b"riff" and head[24:28] == b"wave":
        return Layout(40, b"data", "<Q", name=16, pad=8, own=True)
    return None


def _walk(file: Readable, layout: Layout, kind: bytes) -> Promise | None:
    """Go from part to part to the one that holds the samples."""
    length, at, long, form, tight = _length(file), layout.start, 0, b"", False
    for _ in range(MOST_PARTS):
        found = _part(file, layout, at) if at < length else None
        if found is None:
            return None
        name, size, begin = found
        if name == b"ds64":  # the sizes of a file that may be too long for 32 bits
            long = struct.unpack("<Q", file.read(16)[8:].ljust(8, b"\0"))[0]
        if name == b"fmt ":
            form = file.read(min(size, 4096))
        if name.startswith(layout.sound):
            size = long if kind in (b"RF64", b"BW64") and size == 2**32 - 1 else size
            followed = _is_followed(file, layout, begin, length)
            return Promise(begin, size, max(0, length - begin), followed, form if tight and kind != b"RIFX" else b"")
        at = _next(file, layout, begin, size)
        tight |= at == begin + size and bool(size % 2)
    return None


def _part(file: Readable, layout: Layout, at: int) -> tuple[bytes, int, int] | None:
    """Return the name of a part, its size, and where its content begins; the file then stands there."""
    long = struct.calcsize(layout.size)
    file.seek(at)
    head = file.read(layout.name + long)
    if len(head) < layout.name + long:
        return None
    size = struct.unpack_from(layout.size, head, layout.name)[0]
    return head[: layout.name], max(0, size - len(head)) if layout.own else size, at + len(head)


def _next(file: Readable, layout: Layout, begin: int, size: int) -> int:
    """Where the next part begins: parts are filled up to even places, and some programs forget it."""
    padded = begin + size + -size % layout.pad
    if layout.pad == 2 and size % 2:
        file.seek(begin + size)
        tight = file.read(5)
        if _is_name(tight[:4]) and not _is_name(tight[1:5]):
            return begin + size
    return padded


def _is_followed(file: Readable, layout: Layout, at: int, length: int) -> bool:
    for count in range(MOST_PARTS):
        found = _part(file, layout, at) if at < length else None
        if found is None:
            return count > 0 and at in (length, length + 1)
        if not _is_name(found[0][:4]):
            return False
        at = _next(file, layout, found[2], found[1])
    return False


def _is_name(found: bytes) -> bool:
    return len(found) == 4 and all(32 <= byte < 127 for byte in found)


def _length(file: Readable) -> int:
    return file.seek(0, 2)


class Filled:
    """A file as if its header had been written well: another head, and behind it the samples from a place on."""

    def __init__(self, file: Readable, head: bytes, start: int, count: int):
        self._file, self._head, self._shift, self._length, self._at = file, head, start - len(head), len(head) + count, 0

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place, and return it."""
        self._at = max(0, offset + (0, self._at, self._length)[whence])
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at

    def read(self, count: int = -1, /) -> bytes:
        """Return the bytes from the place on."""
        left = max(0, self._length - self._at)
        count = left if count < 0 else min(count, left)
        if self._at < len(self._head):
            found = self._head[self._at : self._at + count]
        else:
            self._file.seek(self._at + self._shift)
            found = self._file.read(count)
        self._at += len(found)
        return found


def filled(file: Readable, found: Promise) -> Readable:
    """Return the file with the length of its sound filled in, where it is unknown and fits into the header."""
    file.seek(0)
    head = bytearray(file.read(found.start))
    count = found.there if found.unknown else min(found.said, found.there)
    kind, order = bytes(head[:4]), "<I"
    if found.form:
        head = bytearray(b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", len(found.form)) + found.form + b"data\0\0\0\0")
    elif kind == b".snd":
        head[8:12] = b"\xff" * 4  # libsndfile takes that for "to the end"
        return Filled(file, bytes(head), found.start, count)
    elif kind in (b"RIFX", b"FORM"):
        order = ">I"
    elif kind not in (b"RIFF", b"RF64", b"BW64") or found.start + count >= 2**32:
        return file
    head[:4] = kind if kind in (b"RIFX", b"FORM") else b"RIFF"
    head[4:8], head[-4:] = struct.pack(order, len(head) - 8 + count), struct.pack(order, count)
    return Filled(file, bytes(head), found.start, count)
