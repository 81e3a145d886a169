import numpy as np

from asgml.lab.datasets._images import digit_images, noisy, split_images


def test_images_are_clean_and_in_range() -> None:
    images, digits = digit_images()
    assert images.shape == (1797, 1, 8, 8)
    assert (images.dtype, digits.dtype) == (np.float32, np.int64)
    assert images.min() == 0
    assert images.max() == 1
    assert np.array_equal(images * 16, np.round(images * 16))


def test_no_image_stands_in_two_splits_and_none_is_lost() -> None:
    rows = split_images(digit_images()[1], 0)
    assert {name: len(r) for name, r in rows.items()} == {"train": 1077, "validation": 360, "test": 360}
    assert sorted(np.concatenate(list(rows.values()))) == list(range(1797))


def test_splits_are_stratified_by_digit() -> None:
    digits = digit_images()[1]
    for r in split_images(digits, 4).values():
        assert np.all(np.abs(np.bincount(digits[r]) - len(r) * np.bincount(digits) / 1797) <= 1.5)


def test_the_seed_draws_the_split() -> None:
    digits = digit_images()[1]
    first, again, other = (split_images(digits, seed) for seed in (0, 0, 1))
    for name in first:
        assert np.array_equal(first[name], again[name])
        assert set(first[name]) != set(other[name])


def test_noise_has_the_standard_deviation_asked_for() -> None:
    images, _ = digit_images()
    added = noisy(images, 0.4, np.random.default_rng(0)) - images
    assert added.dtype == np.float32
    assert abs(added.std() - 0.4) < 0.005
    assert abs(added.mean()) < 0.005


def test_two_copies_of_an_image_get_different_noise() -> None:
    images, _ = digit_images()
    first, second = noisy(images[[7, 7]], 0.4, np.random.default_rng(0))
    assert not np.allclose(first, second)


def test_no_noise_leaves_the_images() -> None:
    images, _ = digit_images()
    assert np.array_equal(noisy(images, 0.0, np.random.default_rng(0)), images)
