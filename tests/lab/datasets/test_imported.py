import sys
from pathlib import Path

import pytest

from asgml.lab import datasets
from asgml.lab.datasets.settings import ImportedDataset
from asgml.lab.errors import InputError

SOURCE = """
import numpy as np
from asgml.lab.datasets import Data, Test, Train, Validation

CALLS = []
NUMBER = 5

def split(kind, n=4, modality="a", label=0):
    names = np.array([f"{kind.__name__}{i}" for i in range(n)], dtype=np.str_)
    return kind({modality: np.zeros((n, 2), np.float32)}, np.full(n, label), names, names)

def make(seed, size=4, **rest):
    CALLS.append((seed, size, rest))
    return Data(split(Train, size), split(Validation), split(Test), ("x",), "mine")

def needs(seed, where): ...
def only(seed): ...
def seedless(size): ...
def nothing(seed): return {"train": 1}
def broken(seed): raise RuntimeError("their own fault")
def empty(seed): return Data(split(Train), split(Validation, 0), split(Test), ("x",), "")
def differs(seed): return Data(split(Train), split(Validation), split(Test, modality="b"), ("x",), "")
def label(seed): return Data(split(Train), split(Validation, label=1), split(Test), ("x",), "")
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of one's own in the current folder, under a name that no other test has imported."""
    name = f"mine_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    return name


def _load(path: str, seed: int = 7, **arguments: object) -> datasets.Data:
    return datasets.load(ImportedDataset(**{"import": path, **arguments}), seed)


def test_it_is_called_with_the_seed_and_the_other_keys(module: str) -> None:
    data = _load(f"{module}:make", size=6, colour="red")
    assert len(data.train) == 6
    assert data.note == "mine"
    assert sys.modules[module].CALLS == [(7, 6, {"colour": "red"})]


def test_it_is_not_cached(module: str, cache: Path) -> None:
    _load(f"{module}:make")
    _load(f"{module}:make")
    assert len(sys.modules[module].CALLS) == 2
    assert not cache.exists()


@pytest.mark.parametrize(("given", "used"), [(3, 3), (None, 7)])
def test_a_seed_of_its_own_wins(module: str, given: int | None, used: int) -> None:
    datasets.load(ImportedDataset(**{"import": f"{module}:make", "seed": given}), 7)
    calls = sys.modules[module].CALLS
    assert calls == [(used, 4, {})]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("needs", {}, r"needs\(seed, where\) cannot be called with seed: missing a required argument: 'where'"),
        ("only", {"size": 3}, r"only\(seed\) cannot be called with seed, size: got an unexpected keyword argument 'size'"),
        ("seedless", {"size": 3}, r"cannot be called with seed, size: got an unexpected keyword argument 'seed'"),
        ("nothing", {}, r"must return an asgml.lab.datasets.Data, found builtins.dict"),
        ("NUMBER", {}, r"must be callable \(a function or a class\), found 5"),
        ("mak", {}, r"has no 'mak'; did you mean 'make'\?"),
        ("empty", {}, r"the validation split of .*:empty must have samples, found none"),
        ("differs", {}, r"must have the same modalities, found \('b',\) in test, \('a',\) in train"),
        ("label", {}, r"labels of .*:label must lie in 0-0, found 1 to 1 in validation"),
    ],
)
def test_what_cannot_be_used_is_refused(module: str, name: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        _load(f"{module}:{name}", **arguments)
    assert str(error.value).startswith("`dataset.import`: ")
    assert module in str(error.value)


def test_an_error_of_their_own_is_theirs(module: str) -> None:
    with pytest.raises(RuntimeError, match="their own fault"):
        _load(f"{module}:broken")


def test_check_finds_a_missing_module_but_imports_nothing(module: str) -> None:
    datasets.check(ImportedDataset(**{"import": f"{module}:make"}))
    assert module not in sys.modules
    with pytest.raises(InputError, match=r"`dataset.import`: there is no module 'no_such_module'"):
        datasets.check(ImportedDataset(**{"import": "no_such_module:make"}))
