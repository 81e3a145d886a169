import numpy as np

from asgml.lab.datasets._streams import stream


def test_the_same_purpose_gives_the_same_numbers() -> None:
    assert np.array_equal(stream(3, "train", "noise").random(5), stream(3, "train", "noise").random(5))


def test_every_seed_and_every_purpose_gives_others() -> None:
    draws = [
        stream(*key).random(4)
        for key in [(0, "a", "b"), (1, "a", "b"), (2, "a", "b"), (0, "b", "a"), (0, "a"), (0, "ab"), (0,)]
    ]
    assert len({tuple(d) for d in draws}) == len(draws)


def test_streams_do_not_correlate() -> None:
    first, second = stream(0, "train", "noise").standard_normal(20000), stream(0, "test", "noise").standard_normal(20000)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03
