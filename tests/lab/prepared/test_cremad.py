"""The names and lists of CREMA-D: an excerpt of the real ones, and all of them where ASGML_CREMAD names their folder."""

import os
from pathlib import Path

import numpy as np
import pytest

from asgml.lab.checking import leakage
from asgml.lab.datasets._base import Split
from asgml.lab.errors import InputError
from asgml.lab.prepared.sources import cremad
from asgml.lab.prepared.sources.tables import records, rows

EXCERPT = Path(__file__).with_name("crema-d")
WHOLE = os.environ.get("ASGML_CREMAD")
FOLDERS = [EXCERPT, *([Path(WHOLE)] if WHOLE else [])]


@pytest.fixture(params=FOLDERS, ids=["excerpt", "whole"][: len(FOLDERS)])
def real(request, tmp_path):
    """The real lists, and one film, so that there is a distribution."""
    name = rows(request.param / "ogm_train.csv")[0][0]
    (tmp_path / "VideoFlash").mkdir()
    (tmp_path / "VideoFlash" / f"{name}.flv").touch()
    return request.param, cremad.listing(tmp_path, request.param)


def test_every_name_parses_and_everything_joins(real):
    folder, listing = real
    lists = {s: rows(folder / f"ogm_{s}.csv") for s in ("train", "test")}
    names = {r["Filename"] for r in records(folder / "SentenceFilenames.csv", "Filename")}
    assert listing.problems == ()
    assert {c.id for c in listing.clips} == names == {row[0] for part in lists.values() for row in part}
    for split, listed in lists.items():
        found = {(c.id, c.label) for c in listing.clips if c.about["published"] == split}
        assert found == {tuple(row) for row in listed}
    for clip in listing.clips:
        assert clip.about["sex"] in ("Male", "Female")
        assert 18 <= int(clip.about["age"]) <= 80
        assert set(clip.about["vote"].split(":")) <= set("ADFHNS")
        assert clip.id.split("_") == [clip.about["actor"], clip.about["sentence"], clip.label, clip.about["level"]]


@pytest.mark.skipif(not WHOLE, reason="ASGML_CREMAD must name a folder with all of CREMA-D's metadata")
def test_the_published_numbers():
    lists = cremad.published([Path(WHOLE)])
    names = {s: np.array([name for name, split in lists.items() if split == s]) for s in ("train", "test")}
    assert {s: len(found) for s, found in names.items()} == {"train": 6698, "test": 744}
    parts = {s: Split({}, np.zeros(len(n), np.int64), n, np.array([x[:4] for x in n])) for s, n in names.items()}
    assert leakage.groups([parts["train"]], parts["test"]) == (91, 91)
    assert leakage.siblings([parts["train"]], parts["test"]) == 128


def test_a_list_that_contradicts_a_name_is_refused(tmp_path):
    (tmp_path / "train.csv").write_text("1001_DFA_ANG_XX,SAD\n")
    with pytest.raises(InputError, match=r"must have rows of clip,emotion, a clip once in both lists, found"):
        cremad.published([tmp_path])


def test_sound_comes_from_the_films_where_there_is_no_folder_of_recordings(tmp_path):
    (tmp_path / "VideoFlash").mkdir()
    for name in ("1001_DFA_ANG_XX.flv", "1001_DFA_ANG_XX.mp4", "1001_DFA_SAD_XX.mp4"):
        (tmp_path / "VideoFlash" / name).touch()
    found = {c.id: {m: p.name for m, p in c.files.items()} for c in cremad.listing(tmp_path).clips}
    assert found == {
        "1001_DFA_ANG_XX": {"audio": "1001_DFA_ANG_XX.flv", "visual": "1001_DFA_ANG_XX.flv"},
        "1001_DFA_SAD_XX": {"audio": "1001_DFA_SAD_XX.mp4", "visual": "1001_DFA_SAD_XX.mp4"},
    }


def test_an_empty_root_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"--root: must hold VideoFlash/\*.flv or \*.mp4, found none"):
        cremad.listing(tmp_path)
