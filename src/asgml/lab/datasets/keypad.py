"""The embedded data set: real handwritten digits seen, the telephone keypad's dual tones heard; nothing to download."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from asgml.lab.datasets import _content, _images, _spectrogram, _tones, _words
from asgml.lab.datasets._base import Data, Test, Train, Validation
from asgml.lab.datasets._content import Content
from asgml.lab.datasets._pairs import images_for
from asgml.lab.datasets._strata import Rows, shrink
from asgml.lab.datasets._streams import stream
from asgml.lab.datasets.settings import Keypad

VERSION = 1
"""Raise it when the same settings and seed give other arrays than before: cached ones are then prepared anew."""
LIBRARIES = ("numpy", "scikit-learn")
"""What the arrays come from beside this package: another version of one of these is prepared anew."""

NOTE = (
    "scikit-learn's handwritten digits, split by image and stratified by digit at random (about 60/20/20 %), "
    "each with generated keypad tones of its own."
)

Names = npt.NDArray[np.str_]


def prepare(settings: Keypad, seed: int, files: Mapping[str, bytes]) -> Data:
    """Draw the data set: `audio` (N, 1, 48, 16) and `visual` (N, 1, 8, 8) float32, `text` (N, 10) int64 where asked for.

    `groups` name the image shown, or the sound where training samples share it (`train_sounds`); `ids` the image that the
    sample was made from and the number of its tone. `files` is empty.
    """
    pixels, digits = _images.digit_images()
    rows = _images.split_images(digits, seed)
    rows["train"] = shrink(rows["train"], settings.train_size, stream(seed, "images", "size"), digits[rows["train"]])
    drawn = {split: _content.draw(settings, seed, split, images, digits) for split, images in rows.items()}
    heard = {split: _sounds(settings, seed, split, c) for split, c in drawn.items()}
    audio = _spectrogram.standardise({split: _audio(settings, seed, split, c, heard[split]) for split, c in drawn.items()})

    def fields(split: str) -> tuple[dict[str, npt.NDArray[np.generic]], npt.NDArray[np.int64], Names, Names]:
        c = drawn[split]
        visual = _images.noisy(pixels[c.images], settings.image_noise, stream(seed, split, "image noise"))
        text = {"text": _words.typed(c.typed, stream(seed, split, "text"))} if settings.third_modality else {}
        return {"audio": audio[split], "visual": visual, **text}, c.labels, _ids(c), _groups(settings, split, c, heard[split])

    train, validation, test = Train(*fields("train")), Validation(*fields("validation")), Test(*fields("test"))
    return Data(train, validation, test, _content.CLASSES[settings.task], NOTE)


def _sounds(settings: Keypad, seed: int, split: str, content: Content) -> Rows:
    """Return which sound each sample has, (N,): one of its own, or one of the digit's share of `train_sounds`."""
    if split != "train" or not settings.train_sounds:
        return np.arange(len(content.heard))
    return images_for(content.heard, np.arange(settings.train_sounds), _digits(settings.train_sounds), stream(seed, "sounds"))


def _digits(sounds: int) -> Rows:
    return np.arange(sounds) % 10


def _audio(settings: Keypad, seed: int, split: str, content: Content, sounds: Rows) -> npt.NDArray[np.float32]:
    tones, noise = stream(seed, split, "tones"), stream(seed, split, "tone noise")
    shared = split == "train" and settings.train_sounds
    digits = _digits(shared) if shared else content.heard
    return _tones.spectrograms(digits, settings.snr_db, tones, noise)[sounds]


def _groups(settings: Keypad, split: str, content: Content, sounds: Rows) -> Names:
    if split == "train" and settings.train_sounds:
        return np.char.add("sound", sounds.astype(np.str_))
    return content.images.astype(np.str_)


def _ids(content: Content) -> Names:
    """Name samples `image0042-tone0`: the samples of one image follow each other."""
    _, start, inverse = np.unique(content.made_from, return_index=True, return_inverse=True)
    number = np.arange(len(inverse)) - start[inverse]
    return np.array([f"image{i:04d}-tone{k}" for i, k in zip(content.made_from, number, strict=True)])
