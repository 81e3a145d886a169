"""AVE, VGGSound and Kinetics-Sounds in the layouts that they are described with, on two tiny films."""

import shutil

import numpy as np
import pytest
import soundfile

import clips as made
from asgml.lab import datasets
from asgml.lab.config.load import load_dataset
from asgml.lab.errors import InputError
from asgml.lab.prepared import prepare as preparing
from asgml.lab.prepared.prepare import Job, prepare
from asgml.lab.prepared.reading import read
from asgml.lab.prepared.sources import clips
from cremad_media import READING

LABELS = ("Church bell", "Male speech, man speaking")


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    return [made.film(folder / f"{n}.mp4", seconds=0.4, size=(64, 48), codec="libx264", sound="aac", pitch=500 + 500 * n)
            for n in range(2)]  # fmt: skip


def lay_out(root, films, stem):
    """24 clips, two labels, in two folders; the first has a recording of its own."""
    for n in range(24):
        folder = root / LABELS[n % 2]
        folder.mkdir(exist_ok=True, parents=True)
        shutil.copyfile(films[n % 2], folder / f"{stem(n)}.mp4")
    soundfile.write(root / f"{stem(0)}.wav", made.tone(0.4, 16000, 3000), 16000)


def ave(root):
    for name, rows in (("trainSet", range(16)), ("valSet", range(16, 20)), ("testSet", range(20, 24))):
        lines = [f"{LABELS[n % 2]}&-vid_{n}&good&0&10" for n in rows]
        (root / f"{name}.txt").write_text("\n".join(lines) + "\n")


def vggsound(root):
    lines = [f'-vid_{n},30,"{LABELS[n % 2]}",{"test" if n > 19 else "train"}' for n in range(24)]
    (root / "vggsound.csv").write_text("\n".join(lines) + "\n")


def kinetics(root):
    for name, rows in (("train", range(16)), ("validate", range(16, 20)), ("test", range(20, 24))):
        lines = [f'"{LABELS[n % 2]}",-vid_{n},30,40,{name}' for n in rows]
        (root / f"{name}.csv").write_text("\n".join(["label,youtube_id,time_start,time_end,split", *lines]) + "\n")


LAYOUTS = {
    "ave": (ave, lambda n: f"-vid_{n}", [16, 4, 4]),
    "vggsound": (vggsound, lambda n: f"-vid_{n}_000030", [17, 3, 4]),
    "kinetics_sounds": (kinetics, lambda n: f"-vid_{n}_000030_000040", [16, 4, 4]),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_from_the_layout_to_the_splits(name, films, tmp_path, monkeypatch):
    write, stem, sizes = LAYOUTS[name]
    lay_out(tmp_path / "root", films, stem)
    write(tmp_path / "root")
    monkeypatch.setattr(preparing, "read_all", lambda some, how, jobs, patience: ((c, read(c, how)) for c in some))
    outcome = prepare(clips.listing(name, tmp_path / "root"), READING, tmp_path / "store", Job())
    assert (outcome.rows, outcome.problems) == (24, 0)
    data = datasets.load(load_dataset(name, [f"root={tmp_path / 'store'}"]), 0)
    assert data.classes == LABELS
    assert [len(part) for part in (data.train, data.validation, data.test)] == sizes
    for part in (data.train, data.validation, data.test):
        assert [int(group.removeprefix("-vid_")) % 2 for group in part.groups] == part.labels.tolist()
    heard = np.asarray(data.train.inputs["audio"])[:, 0].mean(2).argmax(1)
    own = data.train.ids.tolist().index(stem(0)) if stem(0) in data.train.ids else None
    pitched = {label: {int(h) for i, h in enumerate(heard) if data.train.labels[i] == label and i != own} for label in (0, 1)}
    assert not pitched[0] & pitched[1]


def test_a_film_that_is_not_there_is_a_problem(films, tmp_path):
    lay_out(tmp_path, films, lambda n: f"-vid_{n}")
    ave(tmp_path)
    (tmp_path / LABELS[1] / "-vid_3.mp4").unlink()
    clip = next(c for c in clips.listing("ave", tmp_path).clips if c.id == "-vid_3")
    assert [p.reason for p in read(clip, READING)] == ["missing", "missing"]


def test_a_film_of_two_categories_gives_a_clip_for_each(tmp_path):
    train = ["Bell&a&good&0&10", "Speech&a&good&0&10", "Speech&b&good&0&5", "Speech&b&good&5&10", "Bell&c&good&0&10"]
    rest = {"valSet": ["Bell&d&good&0&10", "Bell&d&good&0&10"], "testSet": ["Speech&c&good&0&10", "Bell&e&good&0&10"]}
    films = {"trainSet": train, **rest}
    for name, lines in films.items():
        (tmp_path / f"{name}.txt").write_text("\n".join(lines) + "\n")
    found = clips.listing("ave", tmp_path)
    assert sorted((c.id, c.about["group"], c.label) for c in found.clips) == [
        ("a/Bell", "a", "Bell"), ("a/Speech", "a", "Speech"), ("b/Speech/0", "b", "Speech"), ("b/Speech/5", "b", "Speech"),
        ("c/Bell", "c", "Bell"), ("c/Speech", "c", "Speech"), ("d", "d", "Bell"), ("e", "e", "Bell")]  # fmt: skip
    assert found.notes == (
        "1 lines of the lists stand there twice and count once",
        "3 films carry several categories or stretches, such as a, and give a clip for each",
        "1 films stand in more than one split, such as c: their scores do not say what a new film would give",
    )


@pytest.mark.parametrize(("name", "file", "text"), [
    ("vggsound", "vggsound.csv", "v,30,bell,train\nv,30,horn,test\n"),
    ("kinetics_sounds", "train.csv", "label,youtube_id,time_start,time_end\nbell,v,30,40\nhorn,v,30.0,40.0\n"),
])  # fmt: skip
def test_other_lists_may_name_a_film_under_two_labels(name, file, text, tmp_path):
    (tmp_path / file).write_text(text)
    found = clips.listing(name, tmp_path).clips
    assert [c.id.rpartition("/")[2] for c in found] == ["bell", "horn"]
    assert {c.files["visual"].stem.removeprefix("v_000030") for c in found} <= {"", "_000040"}


@pytest.mark.parametrize(
    ("name", "file", "text", "message"),
    [
        ("ave", "trainSet.txt", "bell&vid\n", "line 1: must be category&video&quality&start&end"),
        ("vggsound", "vggsound.csv", "vid,30,bell,val\n", "line 1: must be video,start,label,train or test"),
        ("vggsound", "vggsound.csv", "v,30,bell,train\nv,30,bell,test\n", "must name every clip once"),
        ("kinetics_sounds", "train.csv", "label,id\nbell,v\n", "must have a column 'youtube_id'"),
        (
            "kinetics_sounds",
            "train.csv",
            "label,youtube_id,time_start,time_end\nbell,v,30s,40\n",
            "row 2: time_start must be whole",
        ),
        (
            "kinetics_sounds",
            "train.csv",
            "label,youtube_id,time_start,time_end\nbell,v,3,nan\n",
            "row 2: time_end must be whole",
        ),
        ("kinetics_sounds", "train.csv", "label,youtube_id,time_start,time_end\nb,v,3,4\nb,v,3\n", "row 3: must have a cell"),
        ("kinetics_sounds", "train.csv", "label,youtube_id,time_start,time_end\nbell,v,,40\n", "found ''"),
        ("vggsound", "vggsound.csv", "vid,\u00b2,bell,train\n", "line 1: must be video,start"),
        ("kinetics_sounds", "other.csv", "", "must hold the lists of kinetics_sounds, found no clip"),
    ],
)
def test_a_wrong_list_is_named(name, file, text, message, tmp_path):
    (tmp_path / file).write_text(text)
    with pytest.raises(InputError, match=message):
        clips.listing(name, tmp_path)
