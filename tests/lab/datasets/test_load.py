import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from asgml.lab import datasets
from asgml.lab.datasets import _base, _cache
from asgml.lab.datasets.settings import AVDigits, Keypad
from asgml.lab.errors import InputError

DIGEST = """
import hashlib, sys
from asgml.lab.datasets import load
from asgml.lab.datasets.settings import AVDigits, Keypad
for settings in (Keypad(third_modality=True, wrong_share={"audio": 0.2}), AVDigits(root=sys.argv[1])):
    data, digest = load(settings, 5), hashlib.sha256()
    for split in (data.train, data.validation, data.test):
        for array in (*split.inputs.values(), split.labels, split.ids, split.groups):
            digest.update(array.tobytes())
    print(digest.hexdigest())
"""


def _digest(data: datasets.Data) -> str:
    digest = hashlib.sha256()
    for split in (data.train, data.validation, data.test):
        for array in (*split.inputs.values(), split.labels, split.ids, split.groups):
            digest.update(array.tobytes())
    return digest.hexdigest()


def _start(root: Path, cache: Path, **environment: str) -> "subprocess.Popen[str]":
    env = {**os.environ, "ASGML_CACHE": str(cache), **environment}
    return subprocess.Popen([sys.executable, "-c", DIGEST, str(root)], env=env, text=True, stdout=subprocess.PIPE)


def test_two_processes_at_once_and_this_one_agree_to_the_bit(root: Path, cache: Path) -> None:
    shared = cache / "shared"
    running = [_start(root, shared, OMP_NUM_THREADS=n, PYTHONHASHSEED=n) for n in ("1", "2")]
    found = [process.communicate(timeout=60)[0].split() for process in running]
    here = [
        _digest(datasets.load(s, 5)) for s in (Keypad(third_modality=True, wrong_share={"audio": 0.2}), AVDigits(root=root))
    ]
    assert found == [here, here]
    assert sorted(path.suffix for path in shared.iterdir()) == [".npz", ".npz"]
    assert {path.read_bytes() for path in shared.iterdir()} == {path.read_bytes() for path in cache.glob("*.npz")}


def test_a_second_load_prepares_nothing(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    first = datasets.load(Keypad(), 0)
    assert [path.name.split("-")[0] for path in cache.iterdir()] == ["keypad"]
    monkeypatch.setattr("asgml.lab.datasets.keypad.prepare", None)
    second = datasets.load(Keypad(), 0)
    assert _digest(first) == _digest(second)
    strides = [[x.strides for x in data.train.inputs.values()] for data in (first, second)]
    assert strides[0] == strides[1]  # the same bits in another order may train to other bits


def test_the_seed_of_the_settings_wins(cache: Path) -> None:
    fixed = [datasets.load(Keypad(seed=3), run) for run in (0, 1)]
    assert _digest(fixed[0]) == _digest(fixed[1]) == _digest(datasets.load(Keypad(), 3))
    assert len(list(cache.iterdir())) == 1
    assert _digest(fixed[0]) != _digest(datasets.load(Keypad(seed=0), 3)) == _digest(datasets.load(Keypad(), 0))


def test_a_moved_folder_hits_and_a_changed_recording_misses(root: Path, tmp_path: Path, cache: Path) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in root.glob("*_*.wav"):
        (moved / path.name).write_bytes(path.read_bytes())
    datasets.load(AVDigits(root=root), 0)
    datasets.load(AVDigits(root=moved), 0)
    assert len(list(cache.iterdir())) == 1
    (moved / "0_ann_0.wav").write_bytes((moved / "0_ann_1.wav").read_bytes())
    datasets.load(AVDigits(root=moved), 0)
    assert len(list(cache.iterdir())) == 2


def test_a_damaged_recording_leaves_nothing_in_the_cache(root: Path, tmp_path: Path, cache: Path) -> None:
    for path in root.glob("*_*.wav"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "9_eve_6.wav").write_bytes(b"")
    with pytest.raises(InputError, match=r"9_eve_6.wav: it is empty \(0 bytes\); replace this recording"):
        datasets.load(AVDigits(root=tmp_path), 0)
    assert not cache.exists()


def test_check_passes_what_can_be_loaded(root: Path) -> None:
    datasets.check(Keypad(wrong_share={"text": 0.1}, third_modality=True))
    datasets.check(AVDigits(root=root))


@pytest.mark.parametrize("call", [datasets.check, lambda s: datasets.load(s, 0)])
def test_a_missing_root_is_refused(call: object, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"`dataset.root`: must be a folder that can be read"):
        call(AVDigits(root=tmp_path / "nowhere"))  # type: ignore[operator]


def test_an_empty_root_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"`dataset.root`: must hold Free Spoken Digit recordings"):
        datasets.check(AVDigits(root=tmp_path))


def test_wrong_text_needs_text() -> None:
    message = "`dataset.wrong_share`: 'text' must be a modality of the data set; set dataset.third_modality: true"
    with pytest.raises(InputError, match=message):
        datasets.check(Keypad(wrong_share={"text": 0.1}))


def test_more_images_than_there_are_are_refused_by_the_schema() -> None:
    assert len(datasets.load(Keypad(train_size=1077), 0).train) == 1077
    with pytest.raises(ValidationError, match="less than or equal to 1077"):
        Keypad(train_size=1078)


def test_imports_and_check_are_light(root: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import torch\n")
    code = (
        "import sys, json; from asgml.lab.datasets import check\n"
        "first = set(sys.modules); from asgml.lab.datasets.settings import *\n"
        f"check(Keypad()); check(AVDigits(root={str(root)!r})); check(ImportedDataset(**{{'import': 'mine:make'}}))\n"
        "print(json.dumps([sorted(first), sorted(sys.modules)]))"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, text=True, capture_output=True, check=True).stdout
    imported, checked = json.loads(out)
    assert not {"torch", "sklearn", "soundfile", "scipy", "numpy"} & set(imported)
    assert not {"torch", "sklearn", "soundfile", "scipy", "mine"} & set(checked)


def test_the_names_resolve_lazily() -> None:
    for name in ("Data", "Split", "Train", "Validation", "Test"):
        assert getattr(datasets, name) is getattr(_base, name)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        datasets.nothing  # noqa: B018


def test_settings_of_both_data_sets_give_different_keys(root: Path) -> None:
    for settings in (Keypad(), Keypad(snr_db=0), AVDigits(root=root), AVDigits(root=root, split="speaker")):
        datasets.load(settings, 0)
    names = {path.stem for path in _cache.folder().iterdir()}
    assert len(names) == 4
    assert all(np.char.isalnum(name.replace("-", "")) for name in names)
