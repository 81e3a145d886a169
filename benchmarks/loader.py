"""What a prepared store saves: an epoch's time from the store, against decoding media and against the usual loader.

Films as CREMA-D has them (FLV, flv1 and mp3, 480 x 360, 29.97 Hz, 2.5 s; WAV, 16 kHz) are made first, then read in three ways:
from the store; with the films and recordings decoded each time; and as usual, three JPEG frames a clip and the spectrogram
from the WAV. All give the same kind of batch: a spectrogram of 257 x 188 and three frames of 224 x 224, float32, of 32 clips in
random order.

One process, one thread, interleaved in an order drawn anew each round; files are in the page cache. Compared are seconds of the
processor, which other programs on the machine do not change. Shown are the median ratio over rounds and its lowest and highest.
"""

import argparse
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
import torch
from PIL import Image

from asgml.lab import datasets, media
from asgml.lab.datasets.prepared import MEAN, SD
from asgml.lab.datasets.settings import CremaD
from asgml.lab.prepared.prepare import Job, prepare
from asgml.lab.prepared.reading import read
from asgml.lab.prepared.settings import Reading
from asgml.lab.prepared.sources import cremad

RATE, SECONDS, SIZE = Fraction(30000, 1001), 2.5, (480, 360)
BATCH = 32
TARGETS = {"decoding the media": 20, "JPEG frames and spectrogram": 5}
Batch = tuple[torch.Tensor, torch.Tensor]


def film(path: Path, seed: int) -> None:
    """A picture that moves, with a little noise, and a tone."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (12, 16, 3), np.uint8))
    picture = np.asarray(small.resize((520, 400), Image.Resampling.BICUBIC))
    noise = rng.integers(0, 4, (360, 480, 1), np.uint8)
    with av.open(str(path), "w") as file:
        video, audio = file.add_stream("flv1", rate=RATE), file.add_stream("libmp3lame", rate=44100, layout="mono")
        video.width, video.height, video.pix_fmt, video.bit_rate = *SIZE, "yuv420p", 600_000
        for n in range(round(SECONDS * RATE)):
            left = round(20 + 19 * np.sin(n / 9))
            noisy = picture[left : left + 360, left : left + 480] ^ np.roll(noise, 7 * n, 1)
            file.mux(video.encode(av.VideoFrame.from_ndarray(noisy, format="rgb24")))
        wave = sound(seed, 44100)
        for start in range(0, len(wave), 1152):
            frame = av.AudioFrame.from_ndarray(wave[None, start : start + 1152], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, start
            file.mux(audio.encode(frame))
        file.mux(video.encode())
        file.mux(audio.encode())


def sound(seed: int, rate: int) -> np.ndarray:
    at = np.arange(round(SECONDS * rate)) / rate
    noise = 0.01 * np.random.default_rng(seed).normal(size=len(at))
    return (0.3 * np.sin(2 * np.pi * (200 + 20 * seed) * at) + noise).astype(np.float32)


def lay_out(root: Path, clips: int) -> None:
    """Make a distribution under names of CREMA-D, and three JPEG frames of every film."""
    for folder in ("AudioWAV", "VideoFlash", "frames"):
        (root / folder).mkdir()
    films: list[Path] = []
    for n in range(clips):
        name = f"{1001 + n % 12}_{chr(65 + n // 12) * 3}_{cremad.EMOTIONS[n % 6]}_XX"
        path = root / "VideoFlash" / f"{name}.flv"
        if n < 12:
            film(path, n)
        else:
            shutil.copyfile(films[n % 12], path)
        films.append(path)
        soundfile.write(root / "AudioWAV" / f"{name}.wav", sound(n, 16000), 16000)
        with av.open(str(path)) as file:
            frames = [frame.to_image() for frame in file.decode(video=0)]
        for k in range(3):
            frames[(2 * k + 1) * len(frames) // 6].save(root / "frames" / f"{name}-{k}.jpg", quality=95)


def ways(root: Path, store: Path) -> tuple[dict[str, Callable[[list[int]], Batch]], int]:
    """Return the three loaders, row numbers to a batch, and how many rows there are."""
    reading, listing = Reading(), {c.id: c for c in cremad.listing(root).clips}
    prepare(cremad.listing(root), reading, store, Job())
    split = datasets.load(CremaD(root=store, split="actor"), 0).train
    names = split.ids.tolist()

    def from_store(rows: list[int]) -> Batch:
        audio, visual = (torch.from_numpy(np.asarray(split.inputs[m][np.array(rows)])) for m in ("audio", "visual"))
        return audio, visual

    def finished(spectra: list[np.ndarray], pixels: list[np.ndarray]) -> Batch:
        return torch.from_numpy(np.stack(spectra)[:, None]), torch.from_numpy((np.stack(pixels) / np.float32(255) - MEAN) / SD)

    def from_media(rows: list[int]) -> Batch:
        found = [read(listing[names[n]], reading) for n in rows]
        return finished([r.arrays["audio"] for r in found], [r.arrays["visual"] for r in found])

    def spectrogram(name: str) -> np.ndarray:
        return media.spectrum(media.read_sound(listing[name].files["audio"], 22050).samples, reading.spectrum)

    def jpeg(name: str, k: int) -> np.ndarray:
        image = Image.open(root / "frames" / f"{name}-{k}.jpg").resize((224, 224), Image.Resampling.BILINEAR)
        return np.asarray(image).transpose(2, 0, 1)

    def as_usual(rows: list[int]) -> Batch:
        shown = [names[n] for n in rows]
        return finished([spectrogram(s) for s in shown], [np.stack([jpeg(s, k) for k in range(3)]) for s in shown])

    return {"the store": from_store, **dict(zip(TARGETS, (from_media, as_usual), strict=True))}, len(names)


def epoch(load: Callable[[list[int]], Batch], rows: list[int]) -> float:
    began = time.process_time()
    for start in range(0, len(rows), BATCH):
        load(rows[start : start + BATCH])
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        root.mkdir()
        lay_out(root, arguments.clips)
        loaders, n = ways(root, Path(folder) / "store")
        shapes = {name: [tuple(x.shape[1:]) for x in load([0, 1])] for name, load in loaders.items()}
        assert len(set(map(tuple, shapes.values()))) == 1, shapes
        times: dict[str, list[float]] = {name: [] for name in loaders}
        for _ in range(arguments.rounds):
            rows = random.sample(range(n), n)
            for name in random.sample(list(loaders), len(loaders)):
                times[name].append(epoch(loaders[name], rows))
    base = times["the store"]
    print(f"{n} clips an epoch, {arguments.rounds} rounds; from the store {1000 * statistics.median(base) / n:.2f} ms a clip")
    for name, least in TARGETS.items():
        ratios = [t / b for t, b in zip(times[name], base, strict=True)]
        middle, low, high = statistics.median(ratios), min(ratios), max(ratios)
        verdict = "met" if middle >= least else "MISSED"
        print(f"{name:30}{middle:8.1f} times ({low:.1f}-{high:.1f})   at least {least}: {verdict}")


if __name__ == "__main__":
    main()
