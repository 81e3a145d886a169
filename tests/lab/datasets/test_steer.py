"""The steer split: its size, its strata, and that nothing stands on both sides."""

import numpy as np
import pytest

from asgml.lab.datasets import Steer, Train
from asgml.lab.datasets.steer import set_aside
from asgml.lab.errors import InputError


def train(ids, groups, labels=None):
    rows = len(ids)
    labels = np.arange(rows) % 5 if labels is None else labels
    inputs = {"audio": np.arange(rows * 2.0).reshape(rows, 2).astype(np.float32)}
    return Train(inputs, labels.astype(np.int64), np.array(ids), np.array(groups))


def test_groups_stay_together_and_rows_keep_their_fields():
    images = np.repeat(np.arange(100), 4)
    whole = train([f"image{i}-tone{k}" for k, i in enumerate(images)], images.astype(str), images % 5)
    rest, steer = set_aside(whole, 0.2, seed=3)
    assert isinstance(rest, Train)
    assert isinstance(steer, Steer)
    assert len(rest) + len(steer) == len(whole)
    assert len(steer) == 80
    assert not set(rest.groups) & set(steer.groups)
    assert np.bincount(steer.labels).tolist() == [16] * 5
    back = {
        i: (x.tolist(), label)
        for part in (rest, steer)
        for i, x, label in zip(part.ids, part.inputs["audio"], part.labels, strict=True)
    }
    assert back == {i: (x.tolist(), label) for i, x, label in zip(whole.ids, whole.inputs["audio"], whole.labels, strict=True)}


def test_samples_that_share_any_source_stay_together():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 60, 200)
    whole = train([f"{k}_theo+image{i}" for k, i in enumerate(images)], ["theo"] * 100 + ["lucas"] * 100, images % 5)
    rest, steer = set_aside(whole, 0.25, seed=0)
    shown = [{name.split("+")[1] for name in part.ids} for part in (rest, steer)]
    assert not shown[0] & shown[1]
    assert 0.15 * 200 < len(steer) <= 0.25 * 200


def test_few_groups_are_cut_through():
    whole = train([str(n) for n in range(100)], ["theo", "lucas"] * 50)
    rest, steer = set_aside(whole, 0.1, seed=0)
    assert (len(rest), len(steer)) == (90, 10)


def test_a_seed_draws_anew_and_the_same_again():
    whole = train([str(n) for n in range(100)], [str(n) for n in range(100)])
    ids = [set_aside(whole, 0.3, seed)[1].ids.tolist() for seed in (0, 0, 1)]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("share", [0.001, 0.9999])
def test_both_sides_must_hold_samples(share):
    whole = train(["a+x", "b+x", "c+x"], ["1", "1", "1"])
    with pytest.raises(InputError, match=r"`train.steer`: must leave samples on both sides, found .* of 3 samples in 1 units"):
        set_aside(whole, share, 0)
