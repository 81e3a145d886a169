"""A small made-up Free Spoken Digit folder, and a cache of one's own for every test."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

SPEAKERS = ("ann", "bob", "eve")
INDICES = range(7)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASGML_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def wav() -> Callable[..., bytes]:
    """Makes the bytes of a WAV file; without samples, those of a fading tone."""

    def make(samples: np.ndarray | None = None, rate: int = 8000, subtype: str = "PCM_16", form: str = "WAV") -> bytes:
        if samples is None:
            time = np.arange(2400) / rate
            samples = 0.3 * np.sin(2 * np.pi * 440 * time) * np.exp(-5 * time)
        buffer = io.BytesIO()
        soundfile.write(buffer, samples, rate, subtype=subtype, format=form)
        return buffer.getvalue()

    return make


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory, wav: Callable[..., bytes]) -> Path:
    """210 recordings: 10 digits x 3 speakers x indices 0-6; each digit has a pitch of its own. Never written to by a test."""
    folder = tmp_path_factory.mktemp("fsdd")
    rng = np.random.default_rng(0)
    for digit in range(10):
        for speaker in SPEAKERS:
            for index in INDICES:
                length = int(rng.integers(1500, 9000))
                tone = np.sin(2 * np.pi * (300 + 300 * digit) * np.arange(length) / 8000)
                samples = rng.uniform(0.02, 0.7) * tone + 0.001 * rng.standard_normal(length)
                (folder / f"{digit}_{speaker}_{index}.wav").write_bytes(wav(samples))
    (folder / "README.md").write_text("other files are passed over")
    (folder / "notes.wav").write_text("even such a one")
    return folder
