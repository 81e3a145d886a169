"""Manifests of one's own files, made in a moment: sounds, pictures, vectors and texts that tell their label."""

import csv
import json

import numpy as np
import soundfile
from PIL import Image

RATE = 8000


def clips(folder, n=40, classes=2, header=("id", "label", "audio", "visual"), **extra):
    """A CSV of WAV and PNG files: class k sounds at 500 (k + 1) Hz and is as bright. `extra` is column -> cells."""
    rng = np.random.default_rng(0)
    (folder / "media").mkdir(parents=True)
    rows = []
    for i in range(n):
        k = i % classes
        wave = np.sin(2 * np.pi * 500 * (k + 1) * np.arange(800) / RATE) + 0.1 * rng.standard_normal(800)
        soundfile.write(folder / f"media/{i}.wav", (0.3 * wave).astype(np.float32), RATE)
        pixels = np.clip(rng.normal(90 + 60 * k, 20, (8, 8, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"media/{i}.png")
        rows.append([f"clip{i}", f"class {k}", f"media/{i}.wav", f"media/{i}.png"])
    return write(
        folder / "clips.csv", [*header, *extra], [[*row, *(c[i] for c in extra.values())] for i, row in enumerate(rows)]
    )


def write(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def told(folder, label, n=60, lacking=0.0):
    """JSON Lines of a vector and a text, with the label that `label(k)` makes of k in 0-3; some rows lack a modality."""
    rng = np.random.default_rng(1)
    words = ["north", "east", "south", "west"]
    rows = []
    for i in range(n):
        k = int(rng.integers(4))
        row = {"id": f"r{i}", "label": label(k), "numbers": [*(np.eye(4)[k] + 0.1 * rng.standard_normal(4)).round(4), i % 3],
               "words": f"go {words[k]} {i}"}  # fmt: skip
        if rng.random() < lacking:
            row[("numbers", "words")[i % 2]] = None
        rows.append(row)
    folder.mkdir(parents=True, exist_ok=True)
    return lines(folder / "told.jsonl", rows)
