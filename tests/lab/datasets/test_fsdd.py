from pathlib import Path

import pytest

from asgml.lab.datasets import _fsdd
from asgml.lab.errors import InputError


def test_only_recordings_are_listed_in_order(root: Path) -> None:
    names = _fsdd.listing(root)
    assert len(names) == 210
    assert names == sorted(names)
    assert names[0] == "0_ann_0.wav"


def test_names_are_taken_apart() -> None:
    found = _fsdd.parse(["3_theo_12.wav", "0_mary_jane_4.wav"])
    assert found.digits.tolist() == [3, 0]
    assert found.speakers.tolist() == ["theo", "mary_jane"]
    assert found.indices.tolist() == [12, 4]
    assert found.names.tolist() == ["3_theo_12.wav", "0_mary_jane_4.wav"]
    assert found.strata.tolist() == ["3_theo", "0_mary_jane"]


def test_contents_come_by_name(root: Path) -> None:
    contents = _fsdd.read(root)
    assert list(contents) == _fsdd.listing(root)
    assert contents["4_bob_2.wav"] == (root / "4_bob_2.wav").read_bytes()


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    with pytest.raises(InputError) as error:
        _fsdd.listing(missing)
    expected = f"`dataset.root`: must be a folder that can be read, found {missing} (No such file or directory)"
    assert str(error.value) == expected


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"`dataset.root`: must be a folder .*file \(Not a directory\)"):
        _fsdd.listing(tmp_path / "file")


def test_a_folder_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)
    with pytest.raises(InputError, match=r"`dataset.root`: must be a folder that can be read, .*\(Permission denied\)"):
        _fsdd.listing(tmp_path)


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    for name in ("a_theo_1.wav", "1_theo.wav", "1_theo_2.mp3", "12_theo_3.wav", "._1_theo_2.wav"):
        (tmp_path / name).write_text("")
    with pytest.raises(InputError) as error:
        _fsdd.listing(tmp_path)
    assert "`dataset.root`: must hold Free Spoken Digit recordings, {digit}_{speaker}_{index}.wav" in str(error.value)
    assert f"found none in {tmp_path}; they lie in the folder `recordings` of" in str(error.value)


def test_a_recording_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "1_theo_2.wav").mkdir()
    with pytest.raises(InputError, match=r"1_theo_2.wav: cannot be read \(Is a directory\)"):
        _fsdd.read(tmp_path)
