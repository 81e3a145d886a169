"""UPMC Food-101 and UCF-101 in the layouts that they are described with: from tiny files to splits, and to a trained step."""

import numpy as np
import pytest
import soundfile
from PIL import Image

import clips as made
import small
from asgml.lab import datasets
from asgml.lab.config.load import load_dataset
from asgml.lab.errors import InputError
from asgml.lab.media import sound
from asgml.lab.media.failures import Unreadable
from asgml.lab.media.flow import read_flow
from asgml.lab.prepared import prepare as preparing
from asgml.lab.prepared import sources
from asgml.lab.prepared.clip import Clip
from asgml.lab.prepared.prepare import Job, prepare
from asgml.lab.prepared.reading import read
from asgml.lab.prepared.settings import Reading
from asgml.lab.training import cell as cells

READING = Reading.model_validate({"frames": {"count": 1, "size": 16}, "flow_pairs": 2, "text_length": 12})


def test_of_a_long_sound_the_beginning_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr("asgml.lab.media.sound.LONGER", 1.0)
    soundfile.write(tmp_path / "a.flac", made.tone(20.0, 16000), 16000)
    clip, decoded = Clip("a", "yes", {"audio": tmp_path / "a.flac"}), []
    blocks = sound._blocks
    monkeypatch.setattr(sound, "_blocks", lambda opened, wanted: decoded.append(wanted) or blocks(opened, wanted))
    found = read(clip, READING)
    assert decoded == [4 * 16000], "3 s, and one more"
    assert found.seen["audio"] == {"seconds": 20.0, "until": 3.0}


def picture(path, grey):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((20, 30), grey, np.uint8)).save(path)


def food(root, head=False):
    """27 pictures for training and 6 for test, two dishes; the dish is the brightness, and stands in the title."""
    for split, n in (("train", 27), ("test", 6)):
        rows = ["image_name,text,label"] * head
        for i in range(n):
            dish = ("apple_pie", "sushi")[i % 2]
            picture(root / "images" / split / dish / f"{dish}_{split}{i}.jpg", 60 + 120 * (i % 2))
            rows.append(f'{dish}_{split}{i}.jpg,"My best {dish[:5]}, ""really""",{dish}')
        (root / "texts").mkdir(exist_ok=True)
        (root / "texts" / f"{split}_titles.csv").write_text("\n".join(rows) + "\n")
    return root


ACTIONS = ("Archery", "Biking")


def action(root, stem, film, k, frames=5):
    (root / "films" / ACTIONS[k]).mkdir(parents=True, exist_ok=True)
    (root / "films" / ACTIONS[k] / f"{stem}.avi").symlink_to(film)
    for n in range(frames):
        picture(root / "flow" / stem / f"flow_x_{n + 1:05d}.jpg", 128 + 40 * k)
        picture(root / "flow" / stem / f"flow_y_{n + 1:05d}.jpg", 128 - 30 * k)


def ucf(root):
    """Two actions, six groups of two clips each; groups 1 and 2 are for test in fold 1, 3 and 4 in fold 2."""
    film = made.film(root / "one.avi", seconds=0.4, size=(32, 24), codec="mpeg4", sound=None)
    names = {}
    for k, label in enumerate(ACTIONS):
        for group in range(1, 7):
            for c in (1, 2):
                stem = f"v_{label}_g{group:02d}_c{c:02d}"
                action(root, stem, film, k)
                names[f"{label}/{stem}.avi"] = (group, k)
    for fold, test in ((1, (1, 2)), (2, (3, 4))):
        train = [f"{n} {k + 1}" for n, (g, k) in names.items() if g not in test]
        (root / f"trainlist{fold:02d}.txt").write_text("\n".join(train) + "\n")
        (root / f"testlist{fold:02d}.txt").write_text("\n".join(n for n, (g, _) in names.items() if g in test) + "\n")
    return root


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {"food101": food(tmp_path_factory.mktemp("food")), "ucf101": ucf(tmp_path_factory.mktemp("ucf"))}


@pytest.fixture(scope="module")
def stores(folders, tmp_path_factory):
    at = tmp_path_factory.mktemp("stores")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparing, "read_all", lambda some, how, jobs, patience: ((c, read(c, how)) for c in some))
        outcomes = {name: prepare(sources.listing(name, root), READING, at / name, Job()) for name, root in folders.items()}
    assert {n: (o.rows, o.problems) for n, o in outcomes.items()} == {"food101": (33, 0), "ucf101": (24, 0)}
    return at


def loaded(stores, name, *sets):
    return datasets.load(load_dataset(name, [f"root={stores / name}", *sets]), 0)


def test_food_is_pictures_and_titles(stores):
    data = loaded(stores, "food101")
    assert (data.classes, data.modalities) == (("apple_pie", "sushi"), ("visual", "text"))
    assert [len(part) for part in (data.train, data.validation, data.test)] == [24, 3, 6]
    shown, read_ = (np.asarray(data.test.inputs[m]) for m in ("visual", "text"))
    assert (shown.shape, read_.shape, read_.dtype) == ((6, 3, 16, 16), (6, 12), np.int64)
    assert {"".join(map(chr, row)) for row in read_[data.test.labels == 1]} == {"My best sush"}
    assert shown[data.test.labels == 1].min() > shown[data.test.labels == 0].max()


@pytest.mark.parametrize(("fold", "test"), [(1, {"g01", "g02"}), (2, {"g03", "g04"})])
def test_ucf_is_frames_and_flow_and_no_group_stands_in_two_splits(stores, fold, test):
    data = loaded(stores, "ucf101", f"split=published{fold}")
    parts = (data.train, data.validation, data.test)
    assert [len(part) for part in parts] == [14, 2, 8]
    assert {g.rpartition("_")[2] for g in data.test.groups} == test
    groups = [set(part.groups) for part in parts]
    assert not groups[0] & groups[1]
    assert not groups[2] & (groups[0] | groups[1])
    assert "cut from training by group" in data.note
    flow = np.asarray(data.test.inputs["flow"])
    assert flow.shape == (8, 4, 16, 16)
    assert flow[data.test.labels == 1].mean((0, 2, 3)) == pytest.approx(np.array([40, -30] * 2) / 128, abs=0.01)
    assert np.asarray(data.test.inputs["visual"]).shape == (8, 3, 16, 16)


@pytest.mark.parametrize("name", ["food101", "ucf101"])
def test_models_train_on_them(stores, name):
    dataset = {"name": name, "root": str(stores / name)}
    cell = small.cell(dataset=dataset, replace=True, batch_size=8, epochs=1)
    data, samples, trainer = cells.prepare(cell)
    steps, _ = trainer.run_epoch(samples["train"])
    assert set(steps[0]["grad_norm"]) == set(data.modalities)


def reasons(clip):
    return [(p.modality, p.reason) for p in read(clip, READING)]


def test_what_gives_no_sample_says_why(tmp_path):
    root = food(tmp_path / "food", head=True)
    picture(root / "images" / "test" / "sushi" / "new.jpg", 9)
    (root / "images" / "test" / "sushi" / "sushi_test1.jpg").write_bytes(b"\xff\xd8\xff no picture")
    (root / "images" / "test" / "sushi" / "sushi_test3.jpg").unlink()
    listed = root / "texts" / "test_titles.csv"
    listed.write_text(listed.read_text().replace('"My best apple, ""really"""', '" "'))
    found = sources.listing("food101", root)
    assert [(p.id, p.modality, p.reason) for p in found.problems] == [("new", "text", "missing")]
    by = {clip.id: reasons(clip) for clip in found.clips if isinstance(read(clip, READING), list)}
    assert by == {f"test/apple_pie_test{i}": [("text", "empty")] for i in (0, 2, 4)} | {
        "test/sushi_test1": [("visual", "damaged")], "test/sushi_test3": [("visual", "missing")],
    }  # fmt: skip


def test_flow_that_gives_no_sample_says_why(tmp_path):
    film = made.film(tmp_path / "one.avi", seconds=0.4, size=(32, 24), codec="mpeg4", sound=None)
    names = [f"v_Biking_g01_c0{c}" for c in range(1, 5)]
    for stem, frames in zip(names, (0, 1, 3, 3), strict=True):
        action(tmp_path, stem, film, 1, frames)
    (tmp_path / "flow" / names[2] / "flow_y_00002.jpg").unlink()
    (tmp_path / "trainlist01.txt").write_text("".join(f"Biking/{n}.avi 1\n" for n in names))
    (tmp_path / "testlist01.txt").write_text("")
    found = sources.listing("ucf101", tmp_path).clips
    assert [reasons(clip)[0][1] for clip in found[:3]] == ["missing", "too short", "damaged"]
    assert read(found[3], READING).arrays["flow"].shape == (4, 16, 16)


def test_a_class_that_is_spelled_in_two_ways_is_one(tmp_path):
    one, other = "HandstandPushups/v_HandstandPushups_g01_c0{}.avi", "HandStandPushups/v_HandStandPushups_g01_c0{}.avi"
    (tmp_path / "trainlist01.txt").write_text("".join(f"{one.format(c)} 37\n{other.format(c)} 37\n" for c in (1, 2)))
    (tmp_path / "testlist01.txt").write_text("")
    (tmp_path / "trainlist02.txt").write_text(f"{other.format(1)} 37\n")
    (tmp_path / "testlist02.txt").write_text(other.format(2) + "\n")
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "v_HandStandPushups_g01_c02.avi").write_bytes(b"")
    found = sources.listing("ucf101", tmp_path)
    assert [(c.id, c.label, c.about["published1"], c.about["published2"]) for c in found.clips] == [
        ("v_HandstandPushups_g01_c01", "HandstandPushups", "train", "train"),
        ("v_HandstandPushups_g01_c02", "HandstandPushups", "train", "test")]  # fmt: skip
    assert found.clips[1].files["visual"].name == "v_HandStandPushups_g01_c02.avi"
    assert found.notes == ("2 clips are spelled in two ways, and count once",)


def test_flow_in_two_folders_is_read_as_flow_in_one(tmp_path):
    stem = "v_Biking_g01_c01"
    for n in range(5):
        for axis, folder in (("x", "u"), ("y", "v")):
            grey = 100 + 20 * n + 7 * (axis == "y")
            picture(tmp_path / "one" / stem / f"flow_{axis}_{n + 1:05d}.jpg", grey)
            picture(tmp_path / "two" / "tvl1_flow" / folder / stem / f"frame{n + 1:06d}.jpg", grey)
    made = []
    for name in ("one", "two"):
        (tmp_path / name / "trainlist01.txt").write_text(f"Biking/{stem}.avi 1\n")
        (tmp_path / name / "testlist01.txt").write_text("")
        (clip,) = sources.listing("ucf101", tmp_path / name).clips
        made.append(read_flow(clip.files["flow"], 2, 8))
    assert np.array_equal(*made)
    (tmp_path / "two" / "tvl1_flow" / "v" / stem / "frame000003.jpg").unlink()
    with pytest.raises(Unreadable, match="the flow at frame 3 has one axis of two"):
        read_flow(clip.files["flow"], 2, 8)


def test_pictures_of_two_dishes_may_have_one_name(tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "test_titles.csv").write_text("")
    (tmp_path / "texts" / "train_titles.csv").write_text("1.jpg,a pie,pie\n1.jpg,a soup,soup\n2.jpg,more,pie\n")
    assert sorted(c.id for c in sources.listing("food101", tmp_path).clips) == ["train/1 (pie)", "train/1 (soup)", "train/2"]


@pytest.mark.parametrize(
    ("name", "file", "text", "message"),
    [
        ("food101", "texts/train_titles.csv", "a.jpg,pie,pie\na.jpg,pie,pie\n", "must name every picture once"),
        ("food101", "texts/train_titles.csv", "a.jpg,pie,pie\nb.jpg,pie\n", "row 2: must be image_name,text,label"),
        ("food101", "texts/other.csv", "", "train_titles.csv cannot be read"),
        ("ucf101", "trainlist01.txt", "Biking/one.avi 1\n", "line 1: must be Class/v_Class_g01_c01.avi"),
        ("ucf101", "testlist01.txt", "Biking/v_Biking_g01_c01.avi\n", "must hold trainlist01.txt"),
    ],
)
def test_a_wrong_list_is_named(name, file, text, message, tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "test_titles.csv").write_text("")
    (tmp_path / file).write_text(text)
    with pytest.raises(InputError, match=message):
        sources.listing(name, tmp_path)
