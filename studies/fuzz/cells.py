"""A manifest in which one cell, one file or one line is hostile, in a column of any kind."""

import csv
import io
import json
import os
import random
import struct
import wave
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import runner
import values
from runner import Kind

COLUMNS = ("audio", "image", "video", "array", "vector", "text", "id", "label", "split", "group")


def _wav(seconds: float = 0.1) -> bytes:
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.random.default_rng(0).integers(-9999, 9999, int(8000 * seconds), dtype=np.int16).tobytes())
    return held.getvalue()


def _png(width: int = 8, height: int = 8) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"\0" * (min(height, 9000) * (width * 3 + 1)), 9) if width < 20000 else zlib.compress(b"\0")
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


def _npy(array: Any, **how: Any) -> bytes:
    held = io.BytesIO()
    np.save(held, array, **how)
    return held.getvalue()


def _header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text) + 1) + text.encode() + b"\n"


def _zip() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        file.writestr("x.npy", _npy(np.zeros(3)))
    return held.getvalue()


CONTENTS: Mapping[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "zeros": lambda: bytes(1000),
    "text": lambda: b"no such thing\n",
    "html": lambda: b"<!DOCTYPE html><html>404</html>",
    "lfs": lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n",
    "wav": _wav,
    "cut wav": lambda: _wav()[:60],
    "wav of no size": lambda: _wav()[:40] + bytes(4) + _wav()[44:],
    "wav of 0 Hz": lambda: _wav()[:24] + bytes(4) + _wav()[28:],
    "wav of 65535 channels": lambda: _wav()[:22] + b"\xff\xff" + _wav()[24:],
    "png": _png,
    "cut png": lambda: _png()[:50],
    "huge png": lambda: _png(60000, 60000),
    "wide png": lambda: _png(9000, 9000),
    "postscript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "sdp": lambda: b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 49170 RTP/AVP 0\n",
    "concat": lambda: b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    "hls": lambda: b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n",
    "npy": lambda: _npy(np.ones(3)),
    "cut npy": lambda: _npy(np.ones(3))[:-5],
    "npy of objects": lambda: _npy(np.array([{}], dtype=object), allow_pickle=True),
    "npy of nan": lambda: _npy(np.array([np.nan])),
    "npy of text": lambda: _npy(np.array(["x"])),
    "huge npy": lambda: _header("{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,), }"),
    "negative npy": lambda: _header("{'descr': '<f8', 'fortran_order': False, 'shape': (-3,), }"),
    "npy header": lambda: _header("__import__('os')"),
    "npy of complex": lambda: _npy(np.ones(3, dtype=complex)),
    "npy of ints": lambda: _npy(np.full(3, 2**62)),
    "npy of nothing": lambda: _npy(np.ones((0, 3))),
    "npz": _zip,
    "gif": lambda: b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(9),
    "svg": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "mp4": lambda: b"\0\0\0\x18ftypisom\0\0\0\1isom" + bytes(99),
    "flac": lambda: b"fLaC\0\0\0\x22" + bytes(40),
    "ogg": lambda: b"OggS" + bytes(40),
    "jpeg": lambda: b"\xff\xd8\xff\xe0" + bytes(40),
    "tiff": lambda: b"II*\0" + b"\xff" * 40,
}
"""What stands in the file that the cell names."""
ODD: Sequence[str] = (
    "fifo",
    "folder",
    "socket",
    "/dev/zero",
    "/dev/stdin",
    "/etc/passwd",
    "../outside",
    "loop",
    "nowhere",
    "x" * 5000,
    "\0",
    "http://localhost:1/x.wav",
    "tcp://127.0.0.1:1",
    "concat:a|b",
    "-",
    "|ls",
    "rtp://0.0.0.0:5004",
    "file:///etc/passwd",
    "data:,x",
    "",
)
WORDS: Sequence[Any] = (
    "nan",
    "inf",
    "1e999",
    "1 2 nan",
    "1,2",
    "1;2;3",
    "١٢",
    "1_0",
    "0x10",
    "9" * 5000,
    "x" * 200000,
    "\u202e",
    "\x1b[2J",
    "=1+1",
    "é",
    "e\u0301",
    "#",
    '"',
    "'",
    "\r",
    "a\nb",
    "[]",
    "[1, 2]",
    "[1, [2]]",
    "{}",
    "true",
    "null",
    "None",
    "N/A",
    " ",
    "-1",
    "-100",
    "1e308",
    "train",
    "Train",
    "test ",
    "valid",
    "validation",
)


def prepare(folder: Path) -> None:
    """Import what reads them."""
    import asgml.lab.checking.check
    import asgml.lab.cli.checking
    import asgml.lab.media.image
    import asgml.lab.media.sound
    import asgml.lab.media.video  # noqa: F401


def case(rng: random.Random, folder: Path, shared: Any) -> None:
    """Write a manifest with one hostile cell, and look at it as `asgml data check` does."""
    (folder / "f").mkdir()
    rows = _rows(folder)
    row, column = rng.choice(rows), rng.choice(COLUMNS)
    if column in ("audio", "image", "video", "array") and rng.random() < 0.7:
        (folder / "f/hostile").write_bytes(_torn(rng, CONTENTS[rng.choice(list(CONTENTS))]()))
        row[column] = "f/hostile"
    else:
        row[column] = _odd(rng, folder) if rng.random() < 0.3 else rng.choice((*WORDS, *values.NASTY))
    path = _written(rng, folder, rows)
    runner.command(
        "data",
        "check",
        str(path),
        *(["--set", f"columns={{{column}: {column}}}"] if column in COLUMNS[:6] else []),
        "--out",
        "page.html",
    )
    if left := runner.temporary_files(folder):
        raise runner.Wrong(f"left {left[0]}")


def _rows(folder: Path) -> list[dict[str, Any]]:
    (folder / "f/a.wav").write_bytes(_wav())
    (folder / "f/a.png").write_bytes(_png())
    (folder / "f/a.npy").write_bytes(_npy(np.ones(3)))
    return [
        {
            "id": f"r{n}",
            "label": "ab"[n % 2],
            "split": ("train", "validation", "test")[n % 3],
            "group": f"g{n}",
            "audio": "f/a.wav",
            "image": "f/a.png",
            "video": None,
            "array": "f/a.npy",
            "vector": f"{n} 1 2",
            "text": f"word {n}",
        }
        for n in range(18)
    ]


def _odd(rng: random.Random, folder: Path) -> str:
    os.mkfifo(folder / "fifo")
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to("loop")
    return rng.choice(ODD)


def _torn(rng: random.Random, content: bytes) -> bytes:
    if not content or rng.random() < 0.6:
        return content
    spoilt = bytearray(content)
    for _ in range(rng.randrange(1, 6)):
        spoilt[rng.randrange(min(len(spoilt), 200))] = rng.randrange(256)
    return bytes(spoilt)


def _written(rng: random.Random, folder: Path, rows: list[dict[str, Any]]) -> Path:
    if rng.random() < 0.5:
        path = folder / "x.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), errors="replace")
        return path
    path = folder / "x.csv"
    with path.open("w", newline="", errors="replace") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


KIND = Kind("cells", 180, prepare, case)
