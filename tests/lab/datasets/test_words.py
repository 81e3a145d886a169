import numpy as np
import pytest

from asgml.lab.datasets import _words
from asgml.lab.datasets._words import DROP, INSERT, REPLACE, SWAP, misspelt

RIGHT = -1


def _read(ids: np.ndarray) -> str:
    return "".join(_words.ALPHABET[i - 1] for i in ids if i)


@pytest.mark.parametrize(
    ("kinds", "word"),
    [
        ([RIGHT, RIGHT, RIGHT], "six"),
        ([DROP, RIGHT, RIGHT], "ix"),
        ([SWAP, RIGHT, RIGHT], "isx"),
        ([RIGHT, RIGHT, SWAP], "six"),
        ([SWAP, SWAP, RIGHT], "sxi"),
        ([SWAP, DROP, RIGHT], "sx"),
        ([RIGHT, REPLACE, RIGHT], "sbx"),
        ([RIGHT, RIGHT, INSERT], "sixc"),
        ([INSERT, INSERT, INSERT], "saibxc"),
        ([DROP, DROP, DROP], "x"),
    ],
)
def test_each_error_does_what_its_name_says(kinds: list[int], word: str) -> None:
    assert misspelt("six", kinds, ["a", "b", "c"]) == word


def test_without_errors_the_words_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_words, "ERROR_RATE", 0.0)
    ids = _words.typed(np.arange(10), np.random.default_rng(0))
    assert [_read(row) for row in ids] == list(_words.WORDS)


def test_ids_are_padded_behind() -> None:
    ids = _words.typed(np.repeat(np.arange(10), 200), np.random.default_rng(0))
    assert ids.shape == (2000, _words.LENGTH)
    assert ids.dtype == np.int64
    assert ids.min() == 0
    assert ids.max() == 26
    assert np.all((ids[:, 1:] == 0) | (ids[:, :-1] != 0))
    assert np.all(ids[:, 0] != 0)


def test_errors_come_at_the_documented_rate() -> None:
    ids = _words.typed(np.full(4000, 6), np.random.default_rng(0))
    right = np.mean([_read(row) == "six" for row in ids])
    # no error in any of three letters; or the last, swapped with nothing; the rest is negligible
    rate = _words.ERROR_RATE
    assert abs(right - (1 - rate) ** 2 * (1 - rate + rate / 4)) < 0.03
