"""How much of sounds is heard by default, what is said of it, and columns that hold the same."""

import numpy as np
import pytest
import soundfile
from PIL import Image

import manifests
from asgml.lab import datasets
from asgml.lab.cli.manifests import problems
from asgml.lab.datasets.manifest import hearing, preparing, reading
from asgml.lab.datasets.settings import Manifest
from clips import film, tone


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ASGML_CACHE", str(tmp_path / "cache"))


def sounds(folder, seconds):
    for i, long in enumerate(seconds):
        soundfile.write(folder / f"{i}.wav", tone(long, 8000, 300 + 20 * i), 8000)
    rows = [[f"r{i}", "ab"[i % 2], f"{i}.wav"] for i in range(len(seconds))]
    return manifests.write(folder / "m.csv", ["id", "label", "clip"], rows)


@pytest.mark.parametrize(
    ("seconds", "keys", "heard", "words"),
    [
        ([0.2] * 10, {}, 1.0, "clip: clips of 0.2 to 0.2 s are heard whole, 1 s each"),
        ([0.5] * 9 + [2.5], {}, 2.5, "clip: clips of 0.5 to 2.5 s are heard whole, 2.5 s each"),
        ([4.0] * 9 + [20.0], {}, 10.0, "heard: 100 % of a clip in the median, 50 % of the longest (20 s); 1 of 10"),
        ([4.0] * 10, {"audio_seconds": 1.0}, 1.0, "the first 1 s are heard: 25 % of a clip in the median, 25 % of the longest"),
    ],
)  # fmt: skip
def test_the_whole_clip_is_heard_as_far_as_it_is_reasonable(seconds, keys, heard, words, tmp_path):
    settings = Manifest(path=sounds(tmp_path, seconds), audio_bands=8, **keys)
    data = datasets.load(settings, 0)
    assert data.train.inputs["clip"].shape[1:] == (1, 8, round(100 * heard) + 1)
    assert words in data.note
    assert any(words in line for line in problems(preparing.examine(settings)))


def test_the_end_of_a_clip_reaches_the_model(tmp_path):
    path = sounds(tmp_path, [3.0] * 10)
    before = datasets.load(Manifest(path=path, audio_bands=8), 0).train
    wave, rate = soundfile.read(tmp_path / f"{before.ids[0][1:]}.wav")
    wave[-8000:] = np.random.default_rng(0).normal(0, 0.3, 8000)
    soundfile.write(tmp_path / f"{before.ids[0][1:]}.wav", wave, rate)
    after = datasets.load(Manifest(path=path, audio_bands=8), 0).train
    assert np.abs(after.inputs["clip"][0, 0, :, 220:] - before.inputs["clip"][0, 0, :, 220:]).max() > 1


def test_many_rows_hear_less(tmp_path, monkeypatch):
    settings = Manifest(path=sounds(tmp_path, [5.0] * 10), audio_bands=8)
    monkeypatch.setattr(hearing, "MEMORY", 10 * 8 * 4 * 200)
    assert datasets.load(settings, 0).train.inputs["clip"].shape[-1] == 201
    monkeypatch.setattr(hearing, "MEMORY", 1)
    settings = settings.model_copy(update={"seed": 1})
    assert datasets.load(settings, 0).train.inputs["clip"].shape[-1] == 101


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    for k in range(2):
        film(
            folder / f"{k}.mp4",
            seconds=0.5,
            codec="mpeg4",
            sound="aac",
            size=(48, 32),
            pitch=400 + 800 * k,
            grey=lambda n, k=k: 60 + 120 * k,
        )
    for i in range(10):
        (folder / f"f{i}.mp4").symlink_to(folder / f"{i % 2}.mp4")
    return folder


@pytest.mark.parametrize("name", ["audio", "Audio", "sound", "speech", "voice"])
def test_a_column_that_is_called_a_sound_means_that_of_its_films(name, films):
    rows = [[f"r{i}", "ab"[i % 2], f"f{i}.mp4", f"f{i}.mp4"] for i in range(10)]
    path = manifests.write(films / f"{name}.csv", ["id", "label", name, "film"], rows)
    found = preparing.examine(Manifest(path=path))
    assert found.kinds == {name: "audio", "film": "video"}
    assert found.notes == (f"{name}: the sound of films; {found.notes[0].partition('films; ')[2]}",), (
        "sound and picture are two"
    )
    assert preparing.examine(Manifest(path=path, columns={name: "video"})).kinds[name] == "video"


def test_two_columns_that_hold_the_same_are_told(films, tmp_path):
    rows = [[f"r{i}", "ab"[i % 2], f"f{i}.mp4", f"./f{i}.mp4" if i else "", f"f{(i + 1) % 10}.mp4"] for i in range(10)]
    path = manifests.write(films / "twice.csv", ["id", "label", "film", "clip", "other"], rows)
    said = "the columns film and clip hold the same in 9 of 9 rows that were compared: leave one out with "
    said += "`dataset.columns: {clip: ignore}`, or take the sound"
    assert [note[: len(said)] for note in preparing.examine(Manifest(path=path)).notes] == [said]
    assert said in datasets.load(Manifest(path=path), 0).note


@pytest.mark.parametrize("kind", ["png", "npy", "wav"])
def test_copies_under_other_names_are_told(kind, tmp_path):
    for i in range(10):
        for copy in "ab":
            path, rng = tmp_path / f"{copy}{i}.{kind}", np.random.default_rng(i)
            if kind == "png":
                Image.fromarray(rng.integers(0, 255, (8, 8, 3), np.uint8)).save(path)
            elif kind == "npy":
                np.save(path, rng.normal(size=3))
            else:
                soundfile.write(path, rng.normal(0, 0.1, 800), 8000)
    rows = [[f"r{i}", "xy"[i % 2], f"a{i}.{kind}", f"b{i}.{kind}"] for i in range(10)]
    path = manifests.write(tmp_path / "m.csv", ["id", "label", "one", "two"], rows)
    assert "the columns one and two hold the same in 10 of 10 rows" in datasets.load(Manifest(path=path), 0).note


def test_numbers_that_meet_now_and_then_are_no_copies(tmp_path):
    rows = [[i, "ab"[i % 2], i % 2, int(i % 3 > 0), i % 2] for i in range(12)]
    path = manifests.write(tmp_path / "m.csv", ["id", "label", "one", "two", "three"], rows)
    assert [n[:34] for n in preparing.examine(Manifest(path=path)).notes] == ["the columns one and three hold the"]


def test_pictures_whose_numbers_cannot_be_compared_are_told(tmp_path):
    for i in range(10):
        pixels = np.random.default_rng(i).uniform(0, 9, (8, 8)).astype("f4") if i == 3 else np.full((8, 8), 20 * i, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.tiff")
    rows = [[f"r{i}", "xy"[i % 2], f"{i}.tiff"] for i in range(10)]
    path = manifests.write(tmp_path / "m.csv", ["id", "label", "depth"], rows)
    assert "depth: 1 of 10 pictures, such as that of line 5, are greys of 32 bits" in datasets.load(Manifest(path=path), 0).note


@pytest.mark.parametrize("kind", ["mel", "ogm"])
@pytest.mark.parametrize("longest", [0.3, 1.0, 1.004, 1.23456, 2.0, 3.7, 9.985, 9.999, 10.0, 15.0])
def test_a_new_clip_is_heard_as_those_of_training_were(kind, longest, tmp_path):
    settings = Manifest(path=sounds(tmp_path, [0.5, longest]), spectrum=kind, audio_bands=8)
    found = preparing.examine(settings).columns[0].arrays
    again = hearing.as_heard(settings, found[3].shape[-1])
    assert np.array_equal(reading.read("audio", "1.wav", tmp_path, again), found[3])
    assert min(10, max(1, longest)) <= again.audio_seconds + 1e-9 <= max(1, longest) + 0.02
    assert hearing.as_heard(again, 7) is again
