"""`asgml data check` of manifests and of experiments: lengths, groups and file names beside what the arrays tell."""

import unicodedata
from fractions import Fraction

import numpy as np
import pytest
import soundfile
import yaml

import manifests
from asgml.lab.cli import main
from clips import film, tone

NFD = unicodedata.normalize("NFD", "Björn")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("ASGML_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("asgml.lab.checking.pictures.sheet", lambda samples, titles: b"")


def said(capsys, *command, code=0):
    assert main(["data", "check", *map(str, command)]) == code
    printed = capsys.readouterr()
    return " ".join((printed.out + printed.err).split())


def numbers(path, column="numbers", n=60, **extra):
    """Rows of 20 numbers that tell the label."""
    rng = np.random.default_rng(0)
    cells = [" ".join(f"{x:.3f}" for x in rng.normal(i % 2, 1, 20)) for i in range(n)]
    rows = [[f"r{i}", "ab"[i % 2], cells[i], *(c[i] for c in extra.values())] for i in range(n)]
    return manifests.write(path, ["id", "label", column, *extra], rows)


def test_nothing_stands_out_where_nothing_is_wrong(tmp_path, capsys):
    assert "- Nothing stands out." in said(capsys, numbers(tmp_path / "m.csv"))


def test_rows_without_a_group_are_told(tmp_path, capsys):
    found = said(capsys, numbers(tmp_path / "m.csv", group=[f"p{i // 4}" if i > 4 else "" for i in range(60)]))
    assert "- Groups: 5 of 60 rows have none, such as r0 (line 2): each counts as a group of its own" in found
    assert "there is no column `group`" not in found


def test_groups_that_are_nowhere_are_told(tmp_path, capsys):
    assert "the column `group` holds nothing" in said(capsys, numbers(tmp_path / "m.csv", group=[""] * 60))
    assert "there is no column `group`" in said(capsys, numbers(tmp_path / "n.csv"))


def test_short_and_long_sounds_are_told(tmp_path, capsys):
    rows = []
    for i, seconds in enumerate([1.0] * 18 + [0.1, 600.0]):
        soundfile.write(tmp_path / f"{i}.wav", tone(seconds, 1000, 100 + 10 * i), 1000)
        rows.append([f"r{i}", "ab"[i % 2], f"{i}.wav"])
    found = said(capsys, manifests.write(tmp_path / "m.csv", ["id", "label", "clip"], rows), "--set", "audio_bands=8")
    assert "- clip: 1 of 20 clips last less than 0.2 s, such as r18 (0.1 s)" in found
    assert "- clip: 1 of 20 clips last more than 60 s, such as r19 (600 s; the median is 1 s)" in found


def test_short_and_long_films_are_told(tmp_path, capsys):
    how = {"size": (32, 32), "codec": "mpeg4", "sound": None}
    rows = []
    for i in range(10):
        film(tmp_path / f"{i}.mp4", seconds=2.0, rate=Fraction(5), grey=lambda n, i=i: 10 + 20 * i + n, **how)
        rows.append([f"r{i}", "ab"[i % 2], f"{i}.mp4"])
    film(tmp_path / "8.mp4", seconds=0.08, rate=Fraction(25), **how)
    film(tmp_path / "9.mp4", seconds=600, rate=Fraction(1), grey=lambda n: n % 7, **how)
    found = said(capsys, manifests.write(tmp_path / "m.csv", ["id", "label", "clip"], rows), "--set", "frames=1")
    assert "- clip: 1 of 10 clips last less than 0.2 s, such as r8 (0.08 s)" in found
    assert "- clip: 1 of 10 clips last more than 60 s, such as r9 (600 s; the median is 2 s)" in found


def test_names_of_files_in_nfd_are_told(tmp_path, capsys):
    for i in range(20):
        np.save(tmp_path / f"{NFD}{i}.npy", np.random.default_rng(i).normal(i % 2, 1, 20))
    rows = [[f"r{i}", "ab"[i % 2], f"{NFD if i < 3 else 'Björn'}{i}.npy"] for i in range(20)]
    found = said(capsys, manifests.write(tmp_path / "m.csv", ["id", "label", "face"], rows))
    assert "- Files: 3 are written with accents apart from their letters" in found
    assert "all 20 rows can be used" in found


def experiment(path, **settings):
    path.write_text(yaml.safe_dump({"name": "mine", "methods": {"baseline": []}} | settings))
    return path


@pytest.mark.parametrize("name", ["mine.yaml", "mine.yml", "MINE.YAML"])
def test_an_experiment_is_opened(tmp_path, capsys, name):
    numbers(tmp_path / "m.csv")
    file = experiment(tmp_path / name, dataset={"name": "manifest", "path": "m.csv", "test": 0.3})
    found = said(capsys, file)
    assert "numbers vector 60" in found
    assert "test 18" in found
    assert f"wrote outputs/check-{file.stem}.html" in found
    assert "test 12" in said(capsys, file, "--set", "test=0.2"), "settings of its data set can be changed"


def test_each_data_set_of_an_experiment_is_looked_at_once(tmp_path, capsys):
    data = {key: {"name": "manifest", "path": f"{key}.csv"} for key in ("one", "two")}
    for key in data:
        numbers(tmp_path / f"{key}.csv", column=key)
    file = experiment(tmp_path / "mine.yaml", datasets=data, grid={"train.lr": [0.1, 0.01]})
    found = said(capsys, file)
    assert [found.count(words) for words in ("one, data set 1:", "two, data set 2:", "wrote ")] == [1, 1, 2]
    assert "--out: names one page, found 2 data sets" in said(capsys, file, "--out", "page.html", code=2)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"methods": {"s": {"alone": {"modality": "numberz"}}}}, "must be a modality of m.csv, found 'numberz'"),
        ({"train": {"epoch": 3}}, "`train.epoch`: unknown setting; did you mean 'epochs'?"),
    ],
)
def test_what_is_wrong_with_the_experiment_itself_is_said(tmp_path, capsys, settings, words):
    numbers(tmp_path / "m.csv")
    assert words in said(
        capsys, experiment(tmp_path / "mine.yaml", dataset={"name": "manifest", "path": "m.csv"}, **settings), code=2
    )


def test_an_experiment_that_is_nowhere_is_said(capsys):
    assert "'nosuch.yaml' is neither a built-in experiment nor a file that exists" in said(capsys, "nosuch.yaml", code=2)
