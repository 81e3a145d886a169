from pathlib import Path

import numpy as np
import pytest

from asgml.lab.datasets import _fsdd, _images, avdigits
from asgml.lab.datasets._base import Data, Split
from asgml.lab.datasets.settings import AVDigits
from asgml.lab.errors import InputError

SPLITS = ("train", "validation", "test")
PIXELS, DIGITS = _images.digit_images()


def _prepare(root: Path, seed: int = 0, **keys: object) -> Data:
    return avdigits.prepare(AVDigits(root=root, **keys), seed, _fsdd.read(root))  # type: ignore[arg-type]


def _parts(data: Data) -> dict[str, Split]:
    return {name: getattr(data, name) for name in SPLITS}


def _recordings(part: Split) -> list[str]:
    return [i.split("+")[0] for i in part.ids]


def _images_of(part: Split) -> np.ndarray:
    return np.array([int(i.split("+image")[1]) for i in part.ids])


def test_shapes_types_and_names(root: Path) -> None:
    data = _prepare(root)
    assert data.modalities == ("audio", "visual")
    assert data.classes == tuple("0123456789")
    assert [len(part) for part in _parts(data).values()] == [53, 7, 150]
    for part in _parts(data).values():
        assert part.inputs["audio"].shape == (len(part), 1, 32, 32)
        assert part.inputs["visual"].shape == (len(part), 1, 8, 8)
        assert {x.dtype for x in part.inputs.values()} == {np.dtype(np.float32)}
        assert all(np.isfinite(x).all() and x.flags.c_contiguous for x in part.inputs.values())
        assert part.labels.dtype == np.int64


@pytest.mark.parametrize("split", ["official", "speaker"])
def test_no_recording_and_no_image_stands_in_two_splits(root: Path, split: str) -> None:
    parts = list(_parts(_prepare(root, 3, split=split)).values())
    for place, a in enumerate(parts):
        assert len(set(_recordings(a))) == len(a)
        for b in parts[place + 1 :]:
            assert not set(_recordings(a)) & set(_recordings(b))
            assert not set(_images_of(a)) & set(_images_of(b))
            assert split == "official" or not set(a.groups) & set(b.groups)


def test_recording_image_and_label_agree(root: Path) -> None:
    for part in _parts(_prepare(root, image_noise=0.0)).values():
        assert [int(name[0]) for name in part.ids] == part.labels.tolist()
        assert [name.split("_")[1] for name in part.ids] == part.groups.tolist()
        assert np.array_equal(part.inputs["visual"], PIXELS[_images_of(part)])
        assert np.array_equal(DIGITS[_images_of(part)], part.labels)


def test_the_audio_is_that_of_the_recording(root: Path) -> None:
    data = _prepare(root, snr_db=20.0)
    for part in _parts(data).values():  # the made-up recordings of digit d are tones of 300 (d + 1) Hz
        loud = part.inputs["audio"][:, 0, :, :4].mean(axis=2).argmax(axis=1)
        assert np.all(np.abs(125 * (loud + 0.625) - 300 * (part.labels + 1)) < 140)


def test_the_note_says_how_it_was_paired_and_split(root: Path) -> None:
    official, speaker = _prepare(root), _prepare(root, split="speaker")
    assert "paired by label" in official.note
    assert "recordings 0-4 of each speaker and digit are the test set" in official.note
    assert f"the speaker {speaker.test.groups[0]} is the test set" in speaker.note
    assert official.note.count(".") == 1


def test_audio_is_standardised_by_train(root: Path) -> None:
    train = _prepare(root).train.inputs["audio"]
    assert np.allclose(train.mean(axis=(0, 1, 3)), 0, atol=1e-4)
    assert np.allclose(train.std(axis=(0, 1, 3)), 1, atol=1e-4)


def test_one_noise_leaves_the_other_modality(root: Path) -> None:
    first, images, audio = _prepare(root), _prepare(root, image_noise=0.1), _prepare(root, snr_db=None)
    for name in SPLITS:
        a, b, c = (_parts(d)[name] for d in (first, images, audio))
        assert np.array_equal(a.inputs["audio"], b.inputs["audio"])
        assert np.array_equal(a.inputs["visual"], c.inputs["visual"])
        assert not np.array_equal(a.inputs["visual"], b.inputs["visual"])
        assert not np.array_equal(a.inputs["audio"], c.inputs["audio"])


def test_the_seed_redraws_cuts_pairs_and_noise(root: Path) -> None:
    first, again, other = _prepare(root, 0), _prepare(root, 0), _prepare(root, 1)
    for m in first.modalities:
        assert np.array_equal(first.train.inputs[m], again.train.inputs[m])
        assert not np.array_equal(first.test.inputs[m], other.test.inputs[m])
    assert first.train.ids.tolist() == again.train.ids.tolist()
    assert _recordings(first.test) == _recordings(other.test)
    assert np.mean(_images_of(first.test) == _images_of(other.test)) < 0.2
    assert set(_recordings(first.validation)) != set(_recordings(other.validation))


def test_the_seed_redraws_the_noise_of_the_recordings(root: Path) -> None:
    first, other = (_prepare(root, seed, snr_db=-60.0).test.inputs["audio"].ravel() for seed in (0, 1))
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.02


def test_no_draw_is_made_twice(root: Path) -> None:
    data = _prepare(root)
    noise = [part.inputs["visual"] - PIXELS[_images_of(part)] for part in (data.train, data.test)]
    assert abs(np.corrcoef(noise[0].ravel(), noise[1][:53].ravel())[0, 1]) < 0.08


def test_train_size_counts_recordings(root: Path) -> None:
    data = _prepare(root, train_size=20)
    assert len(data.train) == 20
    assert np.bincount(data.train.labels).tolist() == [2] * 10
    assert _prepare(root).test.ids.tolist() == data.test.ids.tolist()


def test_a_damaged_recording_is_named(root: Path) -> None:
    files = _fsdd.read(root)
    files["4_eve_6.wav"] = files["4_eve_6.wav"][:-100]
    with pytest.raises(InputError, match=r"4_eve_6.wav: its header promises \d+ bytes in its part b'data'"):
        avdigits.prepare(AVDigits(root=root), 0, files)
