import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgml.lab.datasets import _content, _images, keypad
from asgml.lab.datasets._base import Data, Split
from asgml.lab.datasets.settings import Keypad

SPLITS = ("train", "validation", "test")
PIXELS, DIGITS = _images.digit_images()
CLEAN = {"snr_db": 50.0, "image_noise": 0.0}


def _prepare(seed: int = 0, **keys: object) -> Data:
    return keypad.prepare(Keypad(**keys), seed, {})  # type: ignore[arg-type]


def _parts(data: Data) -> dict[str, Split]:
    return {name: getattr(data, name) for name in SPLITS}


def _seen(part: Split) -> np.ndarray:
    """Read the digits off clean images: each is one of scikit-learn's."""
    shown = part.inputs["visual"].reshape(len(part), -1)
    return DIGITS[((shown[:, None] - PIXELS.reshape(1, -1, 64)) ** 2).sum(axis=2).argmin(axis=1)]


def _heard(part: Split) -> np.ndarray:
    """Read the digits off clean tones: the key whose two frequencies are loudest, above what each frequency is on average."""
    hertz = np.arange(10, 58) * 31.25
    keys = [(941, 1336)] + [(low, high) for low in (697, 770, 852) for high in (1209, 1336, 1477)]
    bins = [[int(np.abs(hertz - f).argmin()) for f in key] for key in keys]
    loud = np.sort(part.inputs["audio"][:, 0], axis=2)[:, :, -6:].mean(axis=2)
    return loud[:, bins].sum(axis=2).argmax(axis=1)


def _equal(first: Data, second: Data) -> bool:
    pairs = [(_parts(first)[name], _parts(second)[name]) for name in SPLITS]
    return all(
        np.array_equal(a.labels, b.labels)
        and np.array_equal(a.ids, b.ids)
        and all(np.array_equal(a.inputs[m], b.inputs[m]) for m in first.modalities)
        for a, b in pairs
    )


def test_shapes_types_and_names() -> None:
    data = _prepare()
    assert data.modalities == ("audio", "visual")
    assert data.classes == tuple("0123456789")
    assert [len(part) for part in _parts(data).values()] == [1077, 360, 360]
    for part in _parts(data).values():
        assert part.inputs["audio"].shape == (len(part), 1, 48, 16)
        assert part.inputs["visual"].shape == (len(part), 1, 8, 8)
        assert {x.dtype for x in part.inputs.values()} == {np.dtype(np.float32)}
        assert all(np.isfinite(x).all() and x.flags.c_contiguous for x in part.inputs.values())
        assert part.labels.dtype == np.int64
        assert type(part).__name__.lower() in SPLITS
    assert "split by image" in data.note


def test_audio_is_standardised_by_train() -> None:
    data = _prepare()
    train, test = data.train.inputs["audio"], data.test.inputs["audio"]
    assert np.allclose(train.mean(axis=(0, 1, 3)), 0, atol=1e-4)
    assert np.allclose(train.std(axis=(0, 1, 3)), 1, atol=1e-4)
    assert 1e-4 < np.abs(test.mean(axis=(0, 1, 3))).max() < 0.2


@pytest.mark.parametrize("keys", [{}, {"tones_per_image": 3}, {"wrong_share": {"visual": 0.5}}, {"task": "sum_mod_10"}])
def test_no_image_stands_in_two_splits(keys: dict[str, object]) -> None:
    parts = _parts(_prepare(2, **keys, **CLEAN))
    for a, b in [("train", "validation"), ("train", "test"), ("validation", "test")]:
        assert not set(parts[a].groups) & set(parts[b].groups)
        assert not set(parts[a].ids) & set(parts[b].ids)
        assert not {i.split("-")[0] for i in parts[a].ids} & {i.split("-")[0] for i in parts[b].ids}
    for part in parts.values():
        assert len(set(part.ids)) == len(part)
        shown = PIXELS[part.groups.astype(int)]
        assert np.array_equal(part.inputs["visual"], shown)  # the group is the image that is really there


def test_both_modalities_show_the_label() -> None:
    for part in _parts(_prepare(**CLEAN)).values():
        assert np.array_equal(_seen(part), part.labels)
        assert np.array_equal(_heard(part), part.labels)


def test_sum_mod_10_needs_both() -> None:
    data = _prepare(task="sum_mod_10", **CLEAN)
    assert len(data.classes) == 10
    for part in _parts(data).values():
        seen, heard = _seen(part), _heard(part)
        assert np.array_equal((seen + heard) % 10, part.labels)
    counts = np.histogram2d(_seen(data.train), _heard(data.train), bins=10)[0]
    assert counts.min() >= 2  # every pair occurs: the two are drawn independently


def test_same_or_not_is_balanced_and_needs_both() -> None:
    data = _prepare(task="same_or_not", **CLEAN)
    assert data.classes == ("different", "same")
    for part in _parts(data).values():
        seen, heard = _seen(part), _heard(part)
        assert np.array_equal(seen == heard, part.labels == 1)
        assert abs(int(part.labels.sum()) - len(part) / 2) <= 0.5
    different = data.train.labels == 0
    assert len(set(zip(_seen(data.train)[different], _heard(data.train)[different], strict=True))) == 90


@pytest.mark.parametrize("modality", ["audio", "visual"])
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_wrong_share_is_exact_and_leaves_the_other_alone(modality: str, share: float) -> None:
    read = {"audio": _heard, "visual": _seen}
    right, wrong = _prepare(**CLEAN), _prepare(**CLEAN, wrong_share={modality: share})
    for name in SPLITS:
        a, b = _parts(right)[name], _parts(wrong)[name]
        assert np.array_equal(a.labels, b.labels)
        changed = np.sum(read[modality](b) != b.labels)
        n = round(share * len(b))
        assert abs(changed - 0.9 * n) < 4 * np.sqrt(0.09 * n) + 1
        assert changed <= n
    other = {"audio": "visual", "visual": "audio"}[modality]
    assert np.array_equal(right.train.inputs[other], wrong.train.inputs[other])


def test_wrong_rows_are_counted_exactly_and_drawn_from_all_ten() -> None:
    for n, share, count in [(360, 0.1, 36), (1077, 0.25, 269), (10, 0.0, 0), (7, 1.0, 7)]:
        rows, digits = _content._wrong_rows(n, share, np.random.default_rng(0))
        assert len(set(rows)) == len(digits) == count
    _, digits = _content._wrong_rows(20000, 1.0, np.random.default_rng(0))
    assert np.all(np.abs(np.bincount(digits, minlength=10) / 2000 - 1) < 0.1)


def test_no_draw_is_made_twice() -> None:
    data = _prepare(task="sum_mod_10", third_modality=True, wrong_share={"audio": 0.5}, snr_db=50.0)
    noise = [part.inputs["visual"] - PIXELS[part.groups.astype(int)] for part in (data.validation, data.test)]
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.03
    for read in (_heard, lambda part: part.labels, lambda part: part.inputs["text"][:, 0]):
        assert np.mean(read(data.validation) == read(data.test)) < 0.2


def test_text_spells_the_digit_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asgml.lab.datasets._words.ERROR_RATE", 0.0)
    data = _prepare(task="sum_mod_10", third_modality=True, **CLEAN)
    assert data.modalities == ("audio", "visual", "text")
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    read = ["".join(chr(96 + i) for i in row if i) for row in data.test.inputs["text"]]
    assert read == [words[d] for d in _heard(data.test)]
    assert data.test.inputs["text"].dtype == np.int64


def test_wrong_text_leaves_the_tone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asgml.lab.datasets._words.ERROR_RATE", 0.0)
    data = _prepare(third_modality=True, wrong_share={"text": 1.0}, **CLEAN)
    first = np.array([chr(96 + row[0]) for row in data.train.inputs["text"]])
    assert np.array_equal(_heard(data.train), data.train.labels)
    assert np.mean(first[data.train.labels == 8] == "e") < 0.25


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("snr_db", 3.0, "visual"),
        ("image_noise", 0.1, "audio"),
        ("image_noise", 0.1, "text"),
        ("snr_db", 3.0, "text"),
        ("wrong_share", {"audio": 0.3}, "visual"),
        ("wrong_share", {"visual": 0.3}, "text"),
    ],
)
def test_streams_are_independent(key: str, value: object, kept: str) -> None:
    first, second = _prepare(third_modality=True), _prepare(third_modality=True, **{key: value})
    for name in SPLITS:
        assert np.array_equal(_parts(first)[name].inputs[kept], _parts(second)[name].inputs[kept])
    assert not _equal(first, second)


@pytest.mark.parametrize("keys", [{"train_size": 100}, {"tones_per_image": 4}])
def test_how_much_there_is_to_train_on_leaves_the_test_set(keys: dict[str, object]) -> None:
    first, second = _prepare(), _prepare(**keys)
    assert np.array_equal(first.test.ids, second.test.ids)
    assert np.array_equal(first.test.inputs["visual"], second.test.inputs["visual"])
    a, b = first.test.inputs["audio"][:, 0, 5].ravel(), second.test.inputs["audio"][:, 0, 5].ravel()
    assert np.corrcoef(a, b)[0, 1] > 0.9999  # the same but for the scale, which train sets


def test_a_third_modality_leaves_the_other_two() -> None:
    first, second = _prepare(), _prepare(third_modality=True)
    assert all(np.array_equal(first.train.inputs[m], second.train.inputs[m]) for m in ("audio", "visual"))


def test_noise_ratio_shows_in_the_spectrogram() -> None:
    loud = [np.mean(_heard(_prepare(snr_db=snr).test) == _prepare().test.labels) for snr in (-20.0, -9.0, 20.0)]
    assert loud[0] < 0.4 < loud[2]
    assert loud[0] < loud[1] < loud[2]


def test_tones_per_image_share_the_image_but_no_draw() -> None:
    data = _prepare(tones_per_image=3, train_size=50)
    assert len(data.train) == 150
    assert len(data.test) == 360
    assert len(set(data.train.groups)) == 50
    assert data.train.ids[0].endswith("-tone0")
    assert data.train.ids[2].endswith("-tone2")
    for x in data.train.inputs.values():
        assert len(np.unique(x.reshape(150, -1), axis=0)) == 150


def test_train_sounds_are_shared_within_their_digit_and_group_the_samples() -> None:
    data, plain = _prepare(train_sounds=25, **CLEAN), _prepare(**CLEAN)
    sounds, which = np.unique(data.train.inputs["audio"].reshape(1077, -1), axis=0, return_inverse=True)
    assert len(sounds) == 25
    assert all(len(set(data.train.groups[which == s])) == len(set(data.train.labels[which == s])) == 1 for s in range(25))
    assert len(set(data.train.groups)) == 25
    assert np.array_equal(_heard(data.train), data.train.labels)
    assert np.array_equal(data.train.inputs["visual"], plain.train.inputs["visual"])
    assert len(np.unique(data.test.inputs["audio"].reshape(360, -1), axis=0)) == 360
    assert not set(data.train.groups) & set(data.test.groups)


def test_train_sounds_stand_alone() -> None:
    with pytest.raises(ValueError, match="`train_sounds`: must stand without tones_per_image"):
        Keypad(train_sounds=20, tones_per_image=2)


def test_the_seed_changes_everything_and_is_all_that_does() -> None:
    first, again, other = _prepare(0), _prepare(0), _prepare(1)
    assert _equal(first, again)
    assert set(first.train.ids) != set(other.train.ids)
    both = {i: n for n, i in enumerate(first.test.ids)}
    common = [(both[i], n) for n, i in enumerate(other.test.ids) if i in both]
    assert common
    for a, b in common:  # even the same image gets other noise and another tone
        assert not np.array_equal(first.test.inputs["visual"][a], other.test.inputs["visual"][b])
        assert not np.array_equal(first.test.inputs["audio"][a], other.test.inputs["audio"][b])


def test_the_seed_redraws_the_noise_of_the_tones() -> None:
    first, other = (_prepare(seed, snr_db=-60.0).test.inputs["audio"].ravel() for seed in (0, 1))
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.02


def test_preparing_is_quick() -> None:
    start = time.perf_counter()
    _prepare(third_modality=True)
    assert time.perf_counter() - start < 3


@given(
    task=st.sampled_from(["digit", "sum_mod_10", "same_or_not"]),
    tones=st.integers(1, 3),
    size=st.integers(10, 60),
    share=st.dictionaries(st.sampled_from(["audio", "visual", "text"]), st.floats(0, 1), max_size=2),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=8, deadline=None)
def test_any_settings_give_a_sound_data_set(task: str, tones: int, size: int, share: dict[str, float], seed: int) -> None:
    data = _prepare(seed, task=task, tones_per_image=tones, train_size=size, wrong_share=share, third_modality=True)
    assert len(data.train) == tones * size
    assert len({i.split("-")[0] for i in data.train.ids}) == size
    for part in _parts(data).values():
        assert set(part.labels) <= set(range(len(data.classes)))
        assert all(np.isfinite(x).all() for x in part.inputs.values())
    assert not set(data.train.groups) & set(data.test.groups)
