"""A CREMA-D distribution of tiny clips under real names: 12 actors, three emotions, and one clip for each kind of failure."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import soundfile

import clips
from asgml.lab.prepared.settings import Reading

PITCH = {"ANG": 400, "HAP": 900, "SAD": 1600}
SENTENCES = ("DFA", "IEO", "TIE")
READING = Reading.model_validate({"spectrum": {"kind": "mel", "bands": 16, "seconds": 0.4}, "frames": {"count": 1, "size": 16}})
OPTIONS = ("--spectrum", "mel", "--bands", "16", "--seconds", "0.4", "--frames", "1", "--size", "16")
"""Small arrays: audio (16, 41), visual (1, 3, 16, 16)."""


def make_films(folder: Path) -> dict[str, Path]:
    """One film per emotion, in FLV as the distribution has it; the frames of an emotion are of one grey."""
    return {
        e: clips.film(folder / f"{e}.flv", seconds=0.6, size=(480, 360), grey=lambda n, at=i: 40 + 80 * at, pitch=p)
        for i, (e, p) in enumerate(PITCH.items())
    }


def lay_out(root: Path, films: dict[str, Path], actors: int = 12) -> Path:
    (root / "AudioWAV").mkdir(parents=True)
    (root / "VideoFlash").mkdir()
    rng = np.random.default_rng(0)
    for actor in range(1001, 1001 + actors):
        for sentence in SENTENCES:
            for emotion, pitch in PITCH.items():
                name = f"{actor}_{sentence}_{emotion}_XX"
                wave = clips.tone(0.5, 16000, pitch * rng.uniform(0.95, 1.05)) + rng.normal(0, 0.01, 8000)
                soundfile.write(root / "AudioWAV" / f"{name}.wav", wave, 16000)
                (root / "VideoFlash" / f"{name}.flv").symlink_to(films[emotion])
    write_lists(root)
    return root


def write_lists(root: Path) -> None:
    """Every fifth clip is for test, as published lists might have it; odd actors are female."""
    names = sorted(p.stem for p in (root / "VideoFlash").iterdir())
    for split, listed in {"train": [n for i, n in enumerate(names) if i % 5], "test": names[::5]}.items():
        (root / f"{split}.csv").write_text("".join(f"{n},{n.split('_')[2]}\n" for n in listed))
    actors = sorted({n[:4] for n in names})
    rows = [f"{a},{20 + i},{'Female' if i % 2 else 'Male'},Asian,Not Hispanic" for i, a in enumerate(actors)]
    (root / "VideoDemographics.csv").write_text("\n".join(["ActorID,Age,Sex,Race,Ethnicity", *rows]) + "\n")


def break_some(root: Path, films: dict[str, Path]) -> dict[str, tuple[str, str]]:
    """Break one clip per kind of failure; return id -> (modality, reason)."""
    audio, video = root / "AudioWAV", root / "VideoFlash"
    names = [f"{actor}_TIE_HAP_XX" for actor in range(1001, 1009)]
    (audio / f"{names[0]}.wav").unlink()
    (audio / f"{names[1]}.wav").write_bytes(b"")
    whole = (audio / f"{names[2]}.wav").read_bytes()
    (audio / f"{names[2]}.wav").write_bytes(whole[: len(whole) // 2])
    soundfile.write(audio / f"{names[3]}.wav", np.zeros(8000), 16000)
    soundfile.write(audio / f"{names[4]}.wav", clips.tone(0.05, 16000), 16000)
    for name in names[5:8]:
        (video / f"{name}.flv").unlink()
    (video / f"{names[5]}.flv").write_bytes(films["HAP"].read_bytes()[: films["HAP"].stat().st_size // 4])
    (video / f"{names[6]}.flv").write_bytes(np.random.default_rng(0).bytes(2000))
    shutil.copyfile(audio / f"{names[6]}.wav", video / f"{names[7]}.flv")  # a sound where a film should be
    (audio / "1001_WSI_ODD_XX.wav").write_bytes(whole)
    reasons = ["missing", "empty", "damaged", "silent", "too short", "damaged", "damaged", "no such stream"]
    where = ["audio"] * 5 + ["visual"] * 3
    return dict(zip(names, zip(where, reasons, strict=True), strict=True)) | {"1001_WSI_ODD_XX": ("", "unknown name")}
