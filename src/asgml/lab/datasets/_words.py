"""The English words of the digits, typed in a hurry: sequences of character ids."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from asgml.lab.datasets._strata import Rows

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ALPHABET = "abcdefghijklmnopqrstuvwxyz"
"""Character i of it has the id i + 1; 0 is padding, so an embedding needs 27 rows."""
LENGTH = 10
"""Ids per word: twice the longest word's, for all its letters may bring another with them."""
ERROR_RATE = 0.5
"""Each letter goes wrong with this probability: left out, swapped with the next, replaced or followed by a random letter.

Chosen by the accuracy of `text` alone, about 90 % with a small network."""
DROP, SWAP, REPLACE, INSERT = range(4)


def typed(digits: Rows, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return the character ids (N, LENGTH), int64, of each digit's word with random typing errors, padded with 0."""
    shape = (len(digits), LENGTH)
    wrong = rng.random(shape) < ERROR_RATE
    kinds = np.where(wrong, rng.integers(4, size=shape), -1)
    letters = rng.integers(len(ALPHABET), size=shape)
    ids = np.zeros(shape, dtype=np.int64)
    for row, digit in enumerate(digits):
        word = misspelt(WORDS[digit], kinds[row].tolist(), [ALPHABET[i] for i in letters[row]])
        ids[row, : len(word)] = [ALPHABET.index(letter) + 1 for letter in word]
    return ids


def misspelt(word: str, kinds: list[int], letters: list[str]) -> str:
    """Return the word with the error `kinds[i]` (-1: none) at its letter i; `letters[i]` is what replaces or follows it.

    Swapping moves a letter behind the next one; the last has no next and stays. At least one letter is always left.
    """
    out: list[str] = []
    late = ""
    for letter, kind, other in zip(word, kinds, letters, strict=False):
        now = {DROP: "", SWAP: "", REPLACE: other, INSERT: letter + other}.get(kind, letter)
        out.append(now + late)
        late = letter if kind == SWAP else ""
    return "".join(out) + late or word[-1]
