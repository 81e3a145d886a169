import numpy as np

from asgml.lab.datasets._spectrogram import logarithm, power, standardise


def test_white_noise_of_variance_one_has_power_one() -> None:
    waves = np.random.default_rng(0).standard_normal((200, 1024))
    assert abs(power(waves, 128, 59, slice(10, 58)).mean() - 1) < 0.02


def test_a_tone_stands_in_its_bin_and_its_frames() -> None:
    time = np.arange(1024)
    wave = np.where(time >= 512, np.sin(2 * np.pi * 1000 * time / 4000), 0)
    found = power(wave[None], 128, 64, slice(0, 65))
    assert found.shape == (1, 65, 15)
    assert found[0, :, 10].argmax() == 32  # 1000 Hz / 31.25 Hz
    assert found[0, 32, 0] < 1e-9 < found[0, 32, 10]


def test_bins_crop_the_frequencies() -> None:
    waves = np.random.default_rng(0).standard_normal((2, 512))
    assert np.array_equal(power(waves, 128, 64, slice(3, 9)), power(waves, 128, 64, slice(None))[:, 3:9])


def test_silence_stays_finite_and_memory_is_in_the_usual_order() -> None:
    found = logarithm(power(np.zeros((3, 512)), 128, 64, slice(None)), 1e-3)
    assert found.shape == (3, 1, 65, 7)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    assert np.allclose(found, np.log(1e-3))


def test_train_alone_sets_the_scale() -> None:
    rng = np.random.default_rng(0)
    train = (5 + 3 * rng.standard_normal((50, 1, 4, 6))).astype(np.float32)
    train[:, :, 2] += 7
    test = np.full((2, 1, 4, 6), 100, dtype=np.float32)
    found = standardise({"train": train, "test": test})
    assert np.allclose(found["train"].mean(axis=(0, 1, 3)), 0, atol=1e-5)
    assert np.allclose(found["train"].std(axis=(0, 1, 3)), 1, atol=1e-5)
    assert np.allclose(found["test"][0, 0, :, 0], (100 - train.mean(axis=(0, 1, 3))) / train.std(axis=(0, 1, 3)), rtol=1e-4)
    assert found["test"].dtype == np.float32


def test_a_frequency_without_spread_is_not_divided_by_zero() -> None:
    found = standardise({"train": np.ones((4, 1, 2, 3), dtype=np.float32)})
    assert np.array_equal(found["train"], np.zeros((4, 1, 2, 3), dtype=np.float32))
