"""Turns one clip's files into arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.lab import media
from asgml.lab.datasets import _characters
from asgml.lab.datasets._streams import stream
from asgml.lab.prepared.clip import Clip, Problem, Read
from asgml.lab.prepared.settings import Reading

Array = npt.NDArray[np.generic]
PICTURES = (".jpg", ".jpeg", ".png")


def read(clip: Clip, reading: Reading) -> Read | list[Problem]:
    """Return a clip's arrays, or what is wrong with its files: every one of them is tried."""
    arrays, seen, problems = dict[str, Array](), dict[str, Mapping[str, Any]](), list[Problem]()
    for modality, path in clip.files.items():
        try:
            arrays[modality], part = READERS[modality](path, reading, clip.id)
            seen |= {modality: part} if part else {}
        except media.Unreadable as error:
            problems.append(Problem(clip.id, modality, path.name, str(error.reason), error.detail))
    for modality, text in clip.texts.items():
        arrays[modality] = _characters.ids(text, reading.text_length).astype(np.uint8)
        if not text.strip():
            problems.append(Problem(clip.id, modality, "", str(media.Reason.EMPTY), "its text is empty"))
    return problems or Read(arrays, seen)


def _audio(path: Path, reading: Reading, name: str) -> tuple[Array, Mapping[str, Any]]:
    sound = media.read_sound(path, reading.spectrum.rate, least=reading.least, most=reading.spectrum.seconds)
    until = min(sound.seconds, reading.spectrum.seconds)
    return media.spectrum(sound.samples, reading.spectrum), {"seconds": round(sound.seconds, 3), "until": round(until, 3)}


def _visual(path: Path, reading: Reading, name: str) -> tuple[Array, Mapping[str, Any]]:
    how = reading.frames
    if path.suffix.lower() in PICTURES:
        return media.read_image(path, how.size)[None], {}
    frames = media.read_frames(path, how.count, how.size, how.sampling, stream(0, "frames", name), least=reading.least)
    return frames.pixels, {"seconds": round(frames.seconds, 3), "times": np.round(frames.times, 3).tolist()}


def _flow(path: Path, reading: Reading, name: str) -> tuple[Array, Mapping[str, Any]]:
    return media.read_flow(path, reading.flow_pairs, reading.frames.size), {}


READERS: Mapping[str, Callable[[Path, Reading, str], tuple[Array, Mapping[str, Any]]]] = {
    "audio": _audio, "visual": _visual, "flow": _flow,
}  # fmt: skip
