import types
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from asgml.lab.datasets import _cache
from asgml.lab.datasets._base import Data, Test, Train, Validation

MODULE = types.SimpleNamespace(VERSION=1, LIBRARIES=("numpy",))
SETTINGS = {"name": "x", "snr_db": 1.0, "root": "/a", "seed": None}
FILES = {"a.wav": b"12", "b.wav": b"3"}


def _data(value: float = 0.0) -> Data:
    def fields(n: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, np.ndarray]:
        inputs = {"visual": np.full((n, 2), value, dtype=np.float32), "audio": np.arange(n).astype(np.int64)}
        names = np.array([f"ä{i}" for i in range(n)])
        return inputs, np.zeros(n, dtype=np.int64), names, names

    return Data(Train(*fields(5)), Validation(*fields(3)), Test(*fields(2)), ("a", "b"), "a note, with ünicode")


def _must_not_prepare() -> Data:
    raise AssertionError("prepared although it was cached")


def test_what_comes_back_is_what_was_prepared() -> None:
    first, second = _cache.fetch("k", _data), _cache.fetch("k", _must_not_prepare)
    assert (second.classes, second.note, second.modalities) == (("a", "b"), "a note, with ünicode", ("visual", "audio"))
    for name, kind in _cache.SPLITS.items():
        a, b = getattr(first, name), getattr(second, name)
        assert type(b) is kind
        for field in ("labels", "ids", "groups"):
            assert np.array_equal(getattr(a, field), getattr(b, field))
            assert getattr(a, field).dtype == getattr(b, field).dtype
        for m in first.modalities:
            assert np.array_equal(a.inputs[m], b.inputs[m])
            assert a.inputs[m].dtype == b.inputs[m].dtype


def test_one_uncompressed_file_without_pickles_per_name(cache: Path) -> None:
    _cache.fetch("one", _data)
    _cache.fetch("two", _data)
    assert sorted(path.name for path in cache.iterdir()) == ["one.npz", "two.npz"]
    with zipfile.ZipFile(cache / "one.npz") as file:
        assert {info.compress_type for info in file.infolist()} == {zipfile.ZIP_STORED}


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[content.index(b"train/inputs/visual") + 170] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-200]),
        lambda path: path.write_bytes(b"\0" * 3000),
        _flip,
        lambda path: path.with_name("other.npz").rename(path),
        lambda path: np.savez(path.open("wb"), name=np.array("k")),
        lambda path: np.savez(path.open("wb"), name=np.array({"a": 1}, dtype=object)),
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_damaged_file_is_not_trusted_and_made_anew(cache: Path, damage: Callable[[Path], None]) -> None:
    _cache.fetch("k", _data)
    _cache.fetch("other", _data)
    damage(cache / "k.npz")
    assert _cache.fetch("k", lambda: _data(7.0)).train.inputs["visual"][0, 0] == 7
    assert _cache.fetch("k", _must_not_prepare).train.inputs["visual"][0, 0] == 7


def test_one_who_comes_in_between_does_no_harm(cache: Path) -> None:
    def slow() -> Data:
        _cache.fetch("k", _data)
        return _data()

    _cache.fetch("k", slow)
    assert [path.name for path in cache.iterdir()] == ["k.npz"]
    _cache.fetch("k", _must_not_prepare)


def test_an_error_while_preparing_leaves_nothing(cache: Path) -> None:
    with pytest.raises(AssertionError):
        _cache.fetch("k", _must_not_prepare)
    assert not cache.exists()


def test_a_folder_that_cannot_be_written_costs_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ASGML_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match=r"could not be kept in .*file .*set ASGML_CACHE to a folder that can be written"):
        assert len(_cache.fetch("k", _data).train) == 5


def test_a_write_that_fails_leaves_no_file_of_that_name(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.warns(UserWarning, match="No space left on device"):
        _cache.fetch("k", _data)
    assert not (cache / "k.npz").exists()


def test_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert _cache.folder() == tmp_path / "cache"
    monkeypatch.setenv("ASGML_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert _cache.folder() == tmp_path / "xdg" / "asgml"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _cache.folder() == tmp_path / ".cache" / "asgml"


def _key(seed: int = 0, module: object = MODULE, files: dict[str, bytes] = FILES, **changed: object) -> str:
    return _cache.key({**SETTINGS, **changed}, seed, module, files)


def test_the_place_and_the_order_do_not_matter_for_the_key() -> None:
    assert len(_key()) == 64
    assert _key() == _key(root="/b") == _key(files=dict(reversed(FILES.items())))
    assert _key() == _cache.key(dict(reversed(SETTINGS.items())), 0, MODULE, FILES)
    assert _key(seed=3) == _cache.key({**SETTINGS, "seed": 3}, 3, MODULE, FILES)


def test_everything_else_does() -> None:
    other_version = types.SimpleNamespace(VERSION=2, LIBRARIES=("numpy",))
    other_libraries = types.SimpleNamespace(VERSION=1, LIBRARIES=("numpy", "scipy"))
    keys = [
        _key(),
        _key(seed=1),
        _key(snr_db=2.0),
        _key(module=other_version),
        _key(module=other_libraries),
        _key(files={**FILES, "b.wav": b"4"}),
        _key(files={"a.wav": b"12", "c.wav": b"3"}),
        _key(files={"a.wav": b"1", "b.wav": b"23"}),
        _key(files={}),
    ]
    assert len(set(keys)) == len(keys)
