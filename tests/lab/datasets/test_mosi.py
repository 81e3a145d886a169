"""CMU-MOSI's pickles: read as they are, and nothing in them is ever run."""

import collections
import fractions
import os
import pickle

import numpy as np
import pytest

from asgml.lab import datasets
from asgml.lab.config.load import load_dataset
from asgml.lab.datasets import _pickles
from asgml.lab.errors import InputError


def made(**changes):
    rng, content = np.random.default_rng(0), {}
    for split, n in (("train", 12), ("valid", 5), ("test", 6)):
        part = {key: rng.normal(size=(n, 8, d)).astype(dtype) for key, d, dtype in
                (("text", 6, np.float32), ("audio", 3, np.float64), ("vision", 4, np.float64))}  # fmt: skip
        part["audio"][0, 0, 0], part["text"][0, 0, 0], part["vision"][0, 0, 0] = -np.inf, np.nan, np.inf
        content[split] = part | {
            "regression_labels": rng.uniform(-3, 3, n), "id": [f"{split}{i // 2}$_${i}" for i in range(n)],
            "raw_text": np.array(["so good"] * n), "annotations": ["Positive"] * n,
        }  # fmt: skip
    content["train"] |= changes
    return content


def load(tmp_path, content, protocol=4):
    (tmp_path / "aligned_50.pkl").write_bytes(pickle.dumps(content, protocol=protocol))
    return datasets.load(load_dataset("mosi", [f"path={tmp_path / 'aligned_50.pkl'}"]), 0)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_splits_are_the_files_own(tmp_path, protocol):
    content = made()
    data = load(tmp_path, content, protocol)
    assert (data.task, data.classes, data.modalities) == ("regression", ("sentiment",), ("text", "audio", "visual"))
    for split, name in (("train", "train"), ("validation", "valid"), ("test", "test")):
        part = getattr(data, split)
        assert part.labels == pytest.approx(content[name]["regression_labels"], abs=1e-6)
        for modality, key in (("text", "text"), ("audio", "audio"), ("visual", "vision")):
            whole = content[name][key].astype(np.float32)
            whole[0, 0, 0] = 0
            assert np.array_equal(part.inputs[modality], whole)
        assert part.groups.tolist() == [i.partition("$_$")[0] for i in content[name]["id"]]
    assert "9 feature values that were no finite numbers are 0" in data.note


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vision": ["x"] * 12}, "train.vision must be an array of numbers"),
        ({"vision": np.zeros((12, 4))}, r"train.vision must have 3 dimensions, found \(12, 4\)"),
        ({"id": ["a"]}, "train must have as many rows of everything"),
        ({"regression_labels": np.full(12, np.nan)}, "labels that are numbers"),
    ],
)
def test_another_layout_is_named(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        load(tmp_path, made(**changes))


def test_no_file_is_refused_at_once(tmp_path):
    with pytest.raises(InputError, match=r"`dataset.path`: must be a pickle of the MMSA toolkit, found no file"):
        datasets.check(load_dataset("mosei", [f"path={tmp_path / 'no.pkl'}"]))


class Runs:
    def __reduce__(self):
        return os.system, ("exit 0",)


class Evaluates:
    def __reduce__(self):
        return eval, ("1 + 1",)


ASKS = {
    "posix.system": Runs(), "builtins.eval": Evaluates(), "fractions.Fraction": fractions.Fraction(1, 2),
    "collections.defaultdict": collections.defaultdict(list), "builtins.getattr": None, "numpy.load": None,
}  # fmt: skip
BY_HAND = {"builtins.getattr": b"cbuiltins\ngetattr\n.", "numpy.load": b"cnumpy\nload\n."}


@pytest.mark.parametrize("name", ASKS)
def test_whatever_else_a_pickle_asks_for_is_refused_by_name(name, tmp_path):
    content = BY_HAND.get(name) or pickle.dumps({"train": [ASKS[name]]})
    with pytest.raises(InputError, match=rf"it asks for {name}, and only arrays and plain values are admitted"):
        _pickles.loads(tmp_path / "bad.pkl", content)


def test_damaged_pickles_are_refused(tmp_path):
    whole, rng = pickle.dumps(made()), np.random.default_rng(0)
    for _ in range(60):
        spoilt = bytearray(whole[: int(rng.integers(len(whole)))])
        for at in rng.integers(len(spoilt), size=5) if spoilt else ():
            spoilt[at] ^= 1 << int(rng.integers(8))
        with pytest.raises(InputError, match="cannot be read as a pickle of arrays"):
            _pickles.loads(tmp_path / "bad.pkl", bytes(spoilt))


def test_plain_values_pass():
    plain = {"a": [1, 2.5, "x", b"y", None, True, (1, 2), {3}], "b": np.float32(1.5), "c": collections.OrderedDict(d=1)}
    for protocol in (2, 4, 5):
        assert _pickles.loads("plain.pkl", pickle.dumps(plain, protocol=protocol)) == plain
