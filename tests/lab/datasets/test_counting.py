"""Columns that number the rows are left out with a word, labels such as 1.0 are classes, and modalities have usable names."""

import numpy as np
import pytest
from torch import nn

from asgml.lab import datasets
from asgml.lab.config.load import load_dataset
from asgml.lab.datasets import Data, Test, Train, Validation, _names
from asgml.lab.datasets.manifest import labels, preparing
from asgml.lab.datasets.manifest.opening import opened
from asgml.lab.datasets.manifest.table import Row
from asgml.lab.datasets.settings import Manifest
from asgml.lab.errors import InputError

N = 24
MIXED = np.random.default_rng(0).permutation(N)


def table(tmp_path, n=N, **columns):
    lines = [",".join(["id", "label", *columns])]
    lines += [",".join([f"r{i}", "ab"[i % 2], *(str(cells[i]) for cells in columns.values())]) for i in range(n)]
    path = tmp_path / "m.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


COUNTING = {
    "from 0": range(N), "from 1": range(1, N + 1), "from 1000": range(1000, 1000 + N), "backwards": range(N, 0, -1),
    "as floats": [float(i) for i in range(N)], "mixed": MIXED.tolist(), "mixed from 1": (MIXED + 1).tolist(),
    "ids that rise": [7 * i + i % 3 for i in range(N)], "ids that fall": [900 - 7 * i for i in range(N)],
    "with zeros": [f"{i:05d}" for i in range(N)], "one lacks": ["", *range(1, N)], "in brackets": [f"[{i}]" for i in range(N)],
}  # fmt: skip


@pytest.mark.parametrize("what", COUNTING)
def test_a_column_that_numbers_the_rows_is_left_out_with_a_word(tmp_path, what):
    path = table(tmp_path, words=[f"go {i % 5}" for i in range(N)], place=COUNTING[what])
    found, kinds = opened(Manifest(path=path))
    assert kinds == {"words": "text"}
    assert 'is left out; to use it anyway, set `dataset.columns: {"place": vector}`' in found.notes[0]
    assert "place" in preparing.prepare(Manifest(path=path), 0, {}).note
    assert opened(Manifest(path=path, columns={"place": "vector"}))[1] == {"words": "text", "place": "vector"}


IN_WORDS = {
    "row": [f"row {i}" for i in range(N)], "no.": [f"No. {i:03d}" for i in MIXED], "sharp": [f"#{i}" for i in range(N, 0, -1)],
    "of all": [f"{i + 1}/{N}" for i in range(N)], "row of many": [f"Row_{i}" for i in range(10, 10 + N)],
    "times": [f"2024-01-01 10:{i:02d}:00" for i in range(N)], "days": [f"2024-03-{1 + i:02d}" for i in range(N)],
}  # fmt: skip


@pytest.mark.parametrize("what", IN_WORDS)
def test_texts_that_number_the_rows_are_left_out_with_a_word(tmp_path, what):
    path = table(tmp_path, words=[f"go {i % 5}" for i in range(N)], place=IN_WORDS[what])
    found, kinds = opened(Manifest(path=path))
    assert kinds == {"words": "text"}
    assert 'is left out; to use it anyway, set `dataset.columns: {"place": text}`' in found.notes[0]


SAID = {
    "fractions that rise": [1.7e9 + i * 1.5 for i in range(N)],
    "the ids": [f"r{i}" for i in range(N)], "two tables": [*range(N - 12), *range(12)],
    "falling": [f"{-i / 7}" for i in range(N)],
}  # fmt: skip


@pytest.mark.parametrize("what", SAID)
def test_what_may_be_a_measure_too_stays_and_is_said(tmp_path, what):
    found, kinds = opened(Manifest(path=table(tmp_path, words=[f"go {i % 5}" for i in range(N)], place=SAID[what])))
    assert list(kinds) == ["words", "place"]
    assert "a model can learn from it where a row stood" in found.notes[0]
    assert found.notes[0].endswith('to leave it out, set `dataset.columns: {"place": ignore}`')


@pytest.mark.parametrize("name", ["Unnamed: 0", "__index_level_0__", "index", "row"])
def test_the_numbers_of_tables_that_were_put_together_are_left_out(tmp_path, name):
    again = [*range(N - 12), *range(12)]
    assert opened(Manifest(path=table(tmp_path, words=[f"go {i % 5}" for i in range(N)], **{name: again})))[1] == {
        "words": "text"
    }


CALLED = ["Unnamed: 0", "Unnamed: 0_level_0", "index", "Index", "level_0", "row", "row_id", "Row Number", "#", "idx", "nr", ""]


@pytest.mark.parametrize("name", [*CALLED, "__index_level_0__", "rownames"])
def test_the_names_of_such_columns_are_known_however_few_rows_there_are(tmp_path, name):
    path = table(tmp_path, n=4, **{name: [3, 9, 4, 1]}, words=["a", "b", "c", "d"])
    found, kinds = opened(Manifest(path=path))
    assert kinds == {"words": "text"}
    assert "is called as a column that numbers the rows" in found.notes[0]


OTHERS = {
    "numbers that come again": [i % 7 for i in range(N)], "measures": [i + 0.5 for i in range(N)],
    "numbers with gaps": [3 * int(i) for i in MIXED], "two numbers": [f"{i} {i}" for i in range(N)],
    "few that have one": [*[""] * 12, *MIXED[:12].tolist()], "frames of clips": [i % 4 for i in range(N)],
}  # fmt: skip


@pytest.mark.parametrize("what", OTHERS)
def test_other_numbers_stay(tmp_path, what):
    path = table(tmp_path, words=[f"go {i % 5}" for i in range(N)], x=OTHERS[what])
    assert opened(Manifest(path=path))[1] == {"words": "text", "x": "vector"}


def test_texts_with_a_number_in_them_stay_without_a_word(tmp_path):
    found, kinds = opened(Manifest(path=table(tmp_path, words=[f"hello {i}" for i in range(N)], x=[i % 7 for i in range(N)])))
    assert (kinds, found.notes) == ({"words": "text", "x": "vector"}, ())


def test_where_nothing_else_is_left_it_stays_and_is_said(tmp_path):
    found, kinds = opened(Manifest(path=table(tmp_path, x=range(N), same=[5] * N)))
    assert kinds == {"x": "vector", "same": "vector"}
    assert found.notes == (f"x numbers the rows, from 0 to {N - 1}: a model can learn from it where a row stood",)


@pytest.mark.parametrize(
    ("written", "task", "classes", "words"),
    [
        (["1.0", "2.0", "1.0"], "classification", ("1", "2"), "labels such as '1.0' are read as 2 classes"),
        ([1.0, 2.0, 1.0], "classification", ("1", "2"), "labels such as 1.0 are read as 2 classes"),
        (["1.0", "2"], "classification", ("1", "2"), "labels such as '1.0' are read as 2 classes"),
        (["-1.0", "0.0", "1.0", "1.0"], "classification", ("-1", "0", "1"), "set `dataset.task: regression`"),
        (["10.0", "9.0", "9.0"], "classification", ("9", "10"), "2 classes"),
        ([f"{i}.0" for i in range(40)] * 2, "regression", (), "read as amounts, since 40 of them differ"),
        ([f"{i}.0" for i in range(9)], "regression", (), "set `dataset.task: classification`"),
        (["1.0", "2.5", "1.0"], "regression", (), ""),
        (["1", "2", "1"], "classification", ("1", "2"), ""),
    ],
)
def test_whole_numbers_written_as_floats_are_classes_where_few_differ(written, task, classes, words):
    found = labels.decide([Row(i, {"label": v}) for i, v in enumerate(written, 2)], None)
    assert (found.task, found.classes, found.problems) == (task, classes, ())
    assert words in " ".join(found.notes)
    assert bool(words) == bool(found.notes)


def test_a_task_that_is_named_is_taken_without_a_word():
    rows = [Row(i, {"label": f"{i % 2}.0"}) for i in range(6)]
    assert labels.decide(rows, "regression").labels[1] == [1.0]
    assert labels.decide(rows, "classification").notes == ()


@pytest.mark.parametrize("lost", ["nan", "NaN", "NA", "N/A", "None", "null"])
def test_nan_among_numbers_is_no_label(lost):
    written = ["1.0", lost, "2.0", "1.0"]
    found = labels.decide([Row(i, {"label": v}) for i, v in enumerate(written, 2)], None)
    assert (found.task, found.classes) == ("classification", ("1", "2"))
    assert [str(p) for p in found.problems] == [f"line 3, column label: must be a label, found '{lost}'"]


@pytest.mark.timeout(60)
def test_a_hundred_thousand_labels_of_numbers_are_read():
    """Counting them one by one would take hours."""
    found = labels.decide([Row(i, {"label": i / 7}) for i in range(100_000)], None)
    assert len(found.labels) == 100_000


@pytest.mark.parametrize("value", ["9" * 5000, 1e300, "1e39", "-1e300"])
def test_a_label_that_no_number_can_hold_is_no_traceback(value):
    found = labels.decide([Row(i, {"label": v}) for i, v in enumerate(["1.5", "2", value], 2)], "regression")
    assert [p.line for p in found.problems] == [4]
    labels.decide([Row(i, {"label": v}) for i, v in enumerate([value, value, "1"], 2)], None)


def test_too_many_different_labels_in_sets_are_refused(monkeypatch):
    monkeypatch.setattr(labels, "MOST", 5)
    with pytest.raises(InputError, match="at most 5 labels, found 10"):
        labels.decide([Row(i, {"label": f"{i}|a{i}"}) for i in range(5)], None)


def test_every_file_is_stamped_and_none_is_read(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", np.ones(3))
    (tmp_path / "m.csv").write_text("id,label,x\n" + "".join(f"{i},{i % 2},a.npy\n" for i in range(8)))
    settings = Manifest(path=tmp_path / "m.csv")
    before = preparing.files(settings)
    monkeypatch.setattr("hashlib.file_digest", None)
    assert preparing.files(settings) == before
    np.save(tmp_path / "a.npy", np.zeros(3))
    assert preparing.files(settings) != before


CLASHES = sorted({name for name in dir(nn.ModuleDict()) if not name.startswith("__")})


def test_every_name_that_torch_has_itself_is_known():
    assert set(CLASHES) <= _names.TAKEN


TAKEN = ["type", "train", "values", "items", "forward", "joint", "__class__", "_modules"]


@pytest.mark.parametrize("name", [*TAKEN, "a.b", "../x", ".", "x" * 200, "a\x1bb"])
def test_a_column_that_no_model_can_have_is_refused_and_can_be_ignored(tmp_path, name):
    path = table(tmp_path, **{name: [f"{i} 1" for i in range(N)]}, words=[f"go {i % 5}" for i in range(N)])
    with pytest.raises(InputError, match="a modality must not be called") as caught:
        datasets.check(Manifest(path=path))
    assert "dataset.columns" in str(caught.value)
    assert opened(Manifest(path=path, columns={name: "ignore"}))[1] == {"words": "text"}


@pytest.mark.parametrize("name", ["audio", "mean F0 (Hz)", "a/b", "Ton", "中", "label_2", "x-y", "_x", "Type", "1"])
def test_other_names_can_be_had(tmp_path, name):
    assert list(opened(Manifest(path=table(tmp_path, **{name: [f"{i} 1" for i in range(N)]})))[1]) == [name]
    nn.ModuleDict({name: nn.Identity()})


def mine(seed):
    def part(kind, n=4):
        ids = np.array([f"{kind.__name__}{i}" for i in range(n)])
        return kind({"type": np.zeros((n, 2), np.float32)}, np.arange(n) % 2, ids, ids)

    return Data(part(Train), part(Validation), part(Test), ("a", "b"), "")


def test_ones_own_data_set_is_told_too():
    with pytest.raises(InputError, match=r"`dataset.import`: a modality must not be called 'type', as a part"):
        datasets.load(load_dataset(f"{__name__}:mine"), 0)
