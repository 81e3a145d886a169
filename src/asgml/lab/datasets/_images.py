"""The handwritten digits that every built-in data set shows: scikit-learn's 1,797 images of 8 x 8 pixels.

E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998 (its test set).
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import numpy as np
from sklearn.datasets import load_digits

from asgml.lab.datasets._base import Array
from asgml.lab.datasets._strata import Rows, stratified_order
from asgml.lab.datasets._streams import stream

HELD_OUT = Fraction(1, 5)
"""The share of the images that goes to validation, and that goes to test: 360 each, which leaves 1,077 for training."""


def digit_images() -> tuple[Array, Rows]:
    """Return the clean images (1797, 1, 8, 8), float32 in 0-1, and the digits (1797,) that they show."""
    images, digits = load_digits(return_X_y=True)
    return (images / 16).astype(np.float32).reshape(-1, 1, 8, 8), digits.astype(np.int64)


def split_images(digits: Rows, seed: int) -> dict[str, Rows]:
    """Return each split's image indices, stratified by digit; no image stands in two of them."""
    order = stratified_order(stream(seed, "images", "split"), digits)
    held_out = ceil(HELD_OUT * len(digits))
    test, validation, train = np.split(order, [held_out, 2 * held_out])
    return {"train": train, "validation": validation, "test": test}


def noisy(images: Array, noise: float, rng: np.random.Generator) -> Array:
    """Return the images plus white Gaussian noise of standard deviation `noise` (of the pixels' range), one draw each."""
    return images + np.float32(noise) * rng.standard_normal(images.shape, dtype=np.float32)
