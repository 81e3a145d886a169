"""Spoken digits heard, handwritten digits seen, paired by label as in AV-MNIST (V. Vielzeuf et al., CentralNet, 2018)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from asgml.lab.datasets import _fsdd, _images, _pairs, _spectrogram, _speech, _wav
from asgml.lab.datasets._base import Array, Data, Test, Train, Validation
from asgml.lab.datasets._streams import stream
from asgml.lab.datasets.settings import AVDigits

VERSION = 1
"""Raise it when the same settings, seed and files give other arrays than before: cached ones are then prepared anew."""
LIBRARIES = ("numpy", "scikit-learn", "soundfile", "torch")
"""What the arrays come from beside this package: another version of one of these is prepared anew."""

PAIRED = "Free Spoken Digit recordings paired by label with scikit-learn's handwritten digits"

Names = npt.NDArray[np.str_]


def prepare(settings: AVDigits, seed: int, files: Mapping[str, bytes]) -> Data:
    """Pair recordings and images: `audio` (N, 1, 32, 32) and `visual` (N, 1, 8, 8), both float32.

    `files` are the contents of the WAV files by name. `groups` name the speaker, `ids` the recording and the image. Raises
    InputError for a file that is no sound recording of 8 kHz and one channel, or where the split cannot be made.
    """
    waves = np.stack([_speech.fit(_wav.decode(settings.root / name, data, _speech.RATE)) for name, data in files.items()])
    recordings = _fsdd.parse(files)
    rows, how = _pairs.cut(settings, recordings, seed)
    pixels, digits = _images.digit_images()
    pool = _images.split_images(digits, seed)
    audio = _spectrogram.standardise({s: _audio(settings, seed, s, waves[r]) for s, r in rows.items()})

    def fields(split: str) -> tuple[dict[str, npt.NDArray[np.generic]], npt.NDArray[np.int64], Names, Names]:
        r = rows[split]
        heard = recordings.digits[r]
        images = _pairs.images_for(heard, pool[split], digits, stream(seed, split, "pairs"))
        visual = _images.noisy(pixels[images], settings.image_noise, stream(seed, split, "image noise"))
        return {"audio": audio[split], "visual": visual}, heard, _ids(recordings.names[r], images), recordings.speakers[r]

    train, validation, test = Train(*fields("train")), Validation(*fields("validation")), Test(*fields("test"))
    note = f"{PAIRED}; {how}; no recording and no image stands in two splits."
    return Data(train, validation, test, tuple("0123456789"), note)


def _audio(settings: AVDigits, seed: int, split: str, waves: Array) -> Array:
    return _speech.spectrograms(_speech.add_noise(waves, settings.snr_db, stream(seed, split, "recording noise")))


def _ids(names: Names, images: npt.NDArray[np.int64]) -> Names:
    """Name samples `7_theo_12+image0042`."""
    return np.array([f"{name.removesuffix('.wav')}+image{i:04d}" for name, i in zip(names, images, strict=True)])
