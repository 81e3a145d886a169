from pathlib import Path

import numpy as np
import pytest

from asgml.lab.datasets import _fsdd, _pairs
from asgml.lab.datasets.settings import AVDigits
from asgml.lab.errors import InputError

ALL = [f"{d}_{s}_{i}.wav" for d in range(10) for s in ("ann", "bob", "eve", "joe") for i in range(14)]
RECORDINGS = _fsdd.parse(ALL)


def _cut(seed: int = 0, recordings: _fsdd.Recordings = RECORDINGS, **keys: object) -> tuple[dict[str, np.ndarray], str]:
    return _pairs.cut(AVDigits(root=Path("/data"), **keys), recordings, seed)  # type: ignore[arg-type]


def test_official_test_set_is_indices_0_to_4() -> None:
    rows, how = _cut()
    assert {name: len(r) for name, r in rows.items()} == {"train": 320, "validation": 40, "test": 200}
    assert set(RECORDINGS.indices[rows["test"]]) == {0, 1, 2, 3, 4}
    assert sorted(np.concatenate(list(rows.values()))) == list(range(560))
    assert how.startswith("recordings 0-4 of each speaker and digit are the test set")


def test_official_validation_is_stratified_by_digit_and_speaker() -> None:
    rows, _ = _cut()
    assert len(set(RECORDINGS.strata[rows["validation"]])) == 40
    assert np.all(np.unique(RECORDINGS.strata[rows["train"]], return_counts=True)[1] == 8)


def test_the_seed_cuts_validation_but_not_the_official_test_set() -> None:
    first, again, other = _cut(0)[0], _cut(0)[0], _cut(1)[0]
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert np.array_equal(first["test"], other["test"])
    assert set(first["validation"]) != set(other["validation"])


def test_speakers_stand_in_one_split_each_and_the_note_names_them() -> None:
    rows, how = _cut(split="speaker")
    of = {name: set(RECORDINGS.speakers[r]) for name, r in rows.items()}
    assert [len(of[name]) for name in ("train", "validation", "test")] == [2, 1, 1]
    assert of["train"] | of["validation"] | of["test"] == {"ann", "bob", "eve", "joe"}
    assert how == f"the speaker {of['test'].pop()} is the test set and the speaker {of['validation'].pop()} validation"
    assert sorted(np.concatenate(list(rows.values()))) == list(range(560))


def test_every_speaker_gets_a_turn() -> None:
    assert len({_cut(seed, split="speaker")[1] for seed in range(60)}) == 12


def test_two_speakers_are_too_few() -> None:
    few = _fsdd.parse(n for n in ALL if "ann" in n or "bob" in n)
    message = r"`dataset.split`: by speaker there must be 3 speakers or more, found ann, bob in /data; add .* split: official"
    with pytest.raises(InputError, match=message):
        _cut(recordings=few, split="speaker")


@pytest.mark.parametrize(("indices", "missing"), [((5, 6, 7), "test"), ((0, 1), "train and validation"), ((0, 5), "train")])
def test_an_official_split_without_a_part_is_refused(indices: tuple[int, ...], missing: str) -> None:
    few = _fsdd.parse(f"1_ann_{i}.wav" for i in indices)
    message = f"`dataset.root`: the official split leaves nothing for {missing}, found {len(indices)} recordings in /data"
    with pytest.raises(InputError, match=message):
        _cut(recordings=few)


@pytest.mark.parametrize("split", ["official", "speaker"])
def test_train_size_is_stratified_and_leaves_the_rest(split: str) -> None:
    whole, part = _cut(split=split)[0], _cut(split=split, train_size=80)[0]
    assert len(part["train"]) == 80
    assert set(part["train"]) < set(whole["train"])
    assert np.bincount(RECORDINGS.digits[part["train"]]).tolist() == [8] * 10
    assert np.array_equal(part["test"], whole["test"])
    assert np.array_equal(part["validation"], whole["validation"])


def test_too_large_a_train_size_is_refused() -> None:
    with pytest.raises(InputError, match=r"`dataset.train_size`: must be at most 320, .*found 321; lower it"):
        _cut(train_size=321)


def test_images_show_the_digit_and_are_covered_before_any_is_used_again() -> None:
    digits = np.tile(np.arange(10), 12)
    pool = np.arange(20, 100)  # 8 images per digit
    heard = np.random.default_rng(0).permutation(np.repeat(np.arange(10), 20))
    images = _pairs.images_for(heard, pool, digits, np.random.default_rng(1))
    assert np.array_equal(digits[images], heard)
    assert set(images) == set(pool)
    counts = np.unique(images, return_counts=True)[1]
    assert set(counts) == {2, 3}


def test_the_generator_draws_the_pairs() -> None:
    digits, heard = np.tile(np.arange(10), 12), np.repeat(np.arange(10), 5)
    first, second = (_pairs.images_for(heard, np.arange(120), digits, np.random.default_rng(s)) for s in (0, 1))
    assert not np.array_equal(first, second)
    assert len(set(first)) == len(first)
