"""A manifest of one's own files: what columns and labels become, who lacks what, and every bad row by its line."""

import json

import numpy as np
import pytest

import manifests
from asgml.lab import datasets
from asgml.lab.datasets.manifest import kinds, labels, preparing, rows
from asgml.lab.datasets.manifest.rows import Row
from asgml.lab.datasets.settings import Manifest
from asgml.lab.errors import InputError

HEAD = ("id", "label", "x")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ASGML_CACHE", str(tmp_path / "cache"))


def load(path, seed=0, **keys):
    return datasets.load(Manifest(path=path, **keys), seed)


def csv(tmp_path, *lines, header=HEAD):
    return manifests.write(tmp_path / "m.csv", header, lines)


def plain(tmp_path, n=20, **more):
    return csv(tmp_path, *([f"r{i}", i % 2, i, *(c[i] for c in more.values())] for i in range(n)), header=(*HEAD, *more))


def parts(data):
    return [data.train, data.validation, data.test]


def complaint(path, **keys):
    with pytest.raises(InputError) as caught:
        load(path, **keys)
    return str(caught.value)


def test_sounds_and_pictures(tmp_path):
    data = load(manifests.clips(tmp_path, n=20), image_size=16)
    assert data.task == "classification"
    assert data.classes == ("class 0", "class 1")
    assert data.train.inputs["audio"].shape == (12, 1, 64, 101)
    assert data.train.inputs["visual"].shape == (12, 3, 16, 16)
    assert not data.train.present
    ids = [set(part.ids.tolist()) for part in parts(data)]
    assert [len(i) for i in ids] == [12, 4, 4]
    assert len(set.union(*ids)) == 20
    for x in data.train.inputs.values():
        assert x.dtype == np.float32
        assert abs(x.mean()) < 1e-3, "scaled by training rows"
    again = load(manifests.clips(tmp_path / "copy", n=20), image_size=16)
    assert all(np.array_equal(data.test.inputs[m], again.test.inputs[m]) for m in data.modalities)


def test_vectors_and_text_with_rows_that_lack_one(tmp_path):
    data = load(manifests.told(tmp_path, lambda k: ["A", "B", "C"][:k], lacking=0.4))
    assert (data.task, data.classes) == ("multilabel", ("A", "B", "C"))
    found = {row["id"]: row for row in map(json.loads, (tmp_path / "told.jsonl").read_text().splitlines())}
    for part in parts(data):
        for m in data.modalities:
            assert part.having(m).tolist() == [found[i][m] is not None for i in part.ids]
        assert part.labels.tolist() == [[int(c in found[i]["label"]) for c in "ABC"] for i in part.ids]
    words = data.train.inputs["words"][data.train.having("words")]
    assert words.dtype == np.int64
    assert words.shape[1] == 128
    assert (
        bytes(words[0][words[0] > 0].astype(np.uint8)).decode() == found[data.train.ids[data.train.having("words")][0]]["words"]
    )
    again = load(tmp_path / "told.jsonl")
    assert again.task == "multilabel"
    assert np.array_equal(again.test.present["words"], data.test.present["words"]), "from the cache, too"


def test_scale_is_of_the_training_rows_that_have_a_value(tmp_path):
    split = ["train"] * 4 + ["validation"] * 2 + ["test"] * 2
    values = [1, 3, "", "", 100, "", 7, 8]
    path = csv(tmp_path, *([i, i % 2, v, "a", s] for i, (v, s) in enumerate(zip(values, split, strict=True))),
               header=("id", "label", "x", "t", "split"))  # fmt: skip
    data = load(path)
    assert data.train.inputs["x"][:, 0].tolist() == [-1, 1, 0, 0]
    assert data.validation.inputs["x"][0, 0] == 98


def test_accents_fall_and_other_scripts_are_one_unknown_character(tmp_path):
    path = csv(tmp_path, *([i, i % 2, "é中x" * (1 + 99 * (i == 0))] for i in range(10)))
    data = load(path, text_length=4)
    assert data.test.inputs["x"][0].tolist() == [ord("e"), 127, ord("x"), ord("e") if data.test.ids[0] == "0" else 0]
    assert "1 texts were cut to 4 characters" in data.note


@pytest.mark.parametrize(
    ("written", "task", "classes"),
    [
        (["a", "b", "a"], "classification", ("a", "b")),
        (["10", "9", "9"], "classification", ("9", "10")),
        ([True, False, True], "classification", ("false", "true")),
        (["0.5", "1", "2"], "regression", ()),
        ([0.5, -1, 2], "regression", ()),
        ([[0.5, 1], [2, 3], [1, 1]], "regression", ("output 0", "output 1")),
        (["a|b", "b", "[]"], "multilabel", ("a", "b")),
        ([["b"], [], ["a", "b"]], "multilabel", ("a", "b")),
        ([[0, 1], [1, 1], [0, 0]], "multilabel", ("label 0", "label 1")),
    ],
)
def test_labels_say_what_the_task_is(written, task, classes):
    found = labels.decide([Row(i, {"label": v}) for i, v in enumerate(written, 1)], None)
    assert (found.task, found.classes, found.problems) == (task, classes, ())


def test_a_task_may_be_named(tmp_path):
    path = csv(tmp_path, *([i, i, i % 3] for i in range(10)))
    assert "dataset.task: regression" in complaint(path)
    assert load(path, task="regression").train.labels.dtype == np.float32


@pytest.mark.parametrize(
    ("cell", "kind"),
    [("a.WAV", "audio"), ("b/c.png", "image"), ("d.mp4", "video"), ("e.npy", "array"), ("1 2;3", "vector"),
     ("[1, 2.5]", "vector"), (3, "vector"), ([1, 2], "vector"), ("hello", "text"), ("[1, x]", "text"), ("1_000", "text"),
     ("nan", "text")],
)  # fmt: skip
def test_cells_say_what_a_column_holds(cell, kind):
    assert kinds.of(cell) == kind


def test_columns_may_be_named_or_ignored(tmp_path):
    path = plain(tmp_path, note=["5"] * 20)
    assert load(path).modalities == ("x", "note")
    data = load(path, columns={"x": "text", "note": "ignore"})
    assert data.modalities == ("x",)
    assert data.train.inputs["x"].dtype == np.int64
    assert "'z'" in complaint(path, columns={"z": "text"})


def test_groups_stay_together_and_classes_are_even(tmp_path):
    path = csv(tmp_path, *([i, i // 30, i, f"g{i // 3}"] for i in range(60)), header=(*HEAD, "group"))
    for seed in range(3):
        data = load(path, seed)
        groups = [set(part.groups.tolist()) for part in parts(data)]
        assert sum(map(len, groups)) == 20
        assert [len(part) for part in parts(data)] == [36, 12, 12]
        assert all(abs(np.mean(part.labels) - 0.5) < 0.11 for part in parts(data))
        assert "no group stands in two splits" in data.note
    assert set(load(path, 0).test.ids) != set(load(path, 1).test.ids)


def test_named_splits_hold_and_a_missing_validation_comes_out_of_training(tmp_path):
    named = ["Train"] * 14 + ["test"] * 6
    data = load(plain(tmp_path, split=named, group=["same"] * 2 + [f"g{i}" for i in range(17)] + ["same"]))
    assert set(data.test.ids) == {f"r{i}" for i in range(14, 20)}
    assert len(data.validation) == 4
    assert "1 groups stand in more than one split" in data.note


def test_arrays_and_sequences_of_different_length(tmp_path):
    for i in range(12):
        np.save(tmp_path / f"{i}.npy", np.ones((2 + i % 3, 5)))
    path = csv(tmp_path, *([i, i % 2, f"{i}.npy"] for i in range(12)))
    x = np.concatenate([part.inputs["x"] for part in parts(load(path))])
    assert x.shape == (12, 4, 5)
    assert sorted(x.sum((1, 2)).tolist()) == sorted(5.0 * (2 + i % 3) for i in range(12))


@pytest.mark.parametrize("lacking", [False, True])
def test_numbers_are_the_same_in_cells_and_in_files(tmp_path, lacking):
    rng = np.random.default_rng(0)
    table = (rng.standard_normal((20, 3)) * [1, 1e3, 0] + [5, -2e3, 7]).astype(np.float32)
    for i, row in enumerate(table):
        np.save(tmp_path / f"{i}.npy", row)
    kept = [not (lacking and i % 5 == 0) for i in range(20)]
    cells = [" ".join(map(repr, row.tolist())) if here else "" for row, here in zip(table, kept, strict=True)]
    files = [f"{i}.npy" if here else "" for i, here in enumerate(kept)]
    data = load(csv(tmp_path, *([i, i % 2, i % 9, c, f] for i, (c, f) in enumerate(zip(cells, files, strict=True))),
                    header=(*HEAD, "cell", "file")))  # fmt: skip
    for part in parts(data):
        assert np.array_equal(part.inputs["cell"], part.inputs["file"])
        assert part.present.keys() == ({"cell", "file"} if lacking else set())
    seen = data.train.inputs["file"][data.train.having("file")]
    np.testing.assert_allclose(seen.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(seen.std(0), [1, 1, 0], atol=1e-5)
    assert not data.train.inputs["file"][~data.train.having("file")].any(), "filler stays zero"


@pytest.mark.parametrize("shape", [(4,), (5, 4), (2, 3, 4)])
def test_arrays_are_scaled_along_their_last_axis_by_training_rows(tmp_path, shape):
    rng = np.random.default_rng(1)
    arrays = (rng.standard_normal((20, *shape)) * [1, 10, 100, 1000] + [0, 1, 2, 3]).astype(np.float32)
    for i, x in enumerate(arrays):
        np.save(tmp_path / f"{i}.npy", x)
    split = ["train"] * 12 + ["validation"] * 4 + ["test"] * 4
    path = csv(tmp_path, *([i, i % 2, f"{i}.npy", s] for i, s in enumerate(split)), header=(*HEAD, "split"))
    seen = arrays[:12].reshape(-1, 4).astype(np.float64)
    wanted = (arrays[16:] - seen.mean(0)) / seen.std(0)
    data = load(path)
    np.testing.assert_allclose(data.test.inputs["x"], wanted, rtol=1e-4, atol=1e-5)
    assert np.array_equal(load(path, arrays="as_they_are").test.inputs["x"], arrays[16:])
    again = load(path)
    assert again.raw["x"].kind == "array"
    assert np.array_equal(again.raw["x"].mean, data.raw["x"].mean), "from the cache, too"


def test_padding_is_neither_scaled_nor_counted(tmp_path):
    rng = np.random.default_rng(2)
    arrays = [np.concatenate([rng.normal(50, 3, (2 + i % 4, 2)), np.ones((2 + i % 4, 1))], 1) for i in range(20)]
    for i, x in enumerate(arrays):
        np.save(tmp_path / f"{i}.npy", x.astype(np.float32))
    split = ["train"] * 12 + ["validation"] * 4 + ["test"] * 4
    data = load(csv(tmp_path, *([i, i % 2, f"{i}.npy", s] for i, s in enumerate(split)), header=(*HEAD, "split")))
    for i, x in enumerate(data.test.inputs["x"], 16):
        steps = 2 + i % 4
        assert not x[steps:].any()
        assert (x[:steps, 2] == 1).all(), "what is the same in every training step is left as it is"
    seen = np.concatenate([x[: 2 + i % 4, :2] for i, x in enumerate(data.train.inputs["x"])])
    np.testing.assert_allclose([*seen.mean(0), *seen.std(0)], [0, 0, 1, 1], atol=1e-4)


def test_what_training_rows_have_in_common_does_not_grow_elsewhere(tmp_path):
    split = ["train"] * 6 + ["validation"] * 2 + ["test"] * 2
    values = [*[f"{i} 4" for i in range(6)], "1 4", "2 6", "1 4", "2 5"]
    path = csv(
        tmp_path, *([i, i % 2, v, s] for i, (v, s) in enumerate(zip(values, split, strict=True))), header=(*HEAD, "split")
    )
    data = load(path)
    assert data.validation.inputs["x"][:, 1].tolist() == [0, 2]
    assert data.test.inputs["x"][:, 1].tolist() == [0, 1]


class Evil:
    def __reduce__(self):
        return (open, ("/nowhere/evil", "w"))


HOSTILE = {
    "a file that is not there": (["h", 0, "none.npy"], "column x: there is no file none.npy"),
    "a folder": (["h", 0, "sub.npy"], "there is no file"),
    "a broken file": (["h", 0, "broken.npy"], "'broken.npy' cannot be read as array"),
    "a pickle": (["h", 0, "evil.npy"], "cannot be read as array"),
    "other numbers": (["h", 0, "nan.npy"], "infinite or none"),
    "another shape": (["h", 0, "odd.npy"], "must have the shape (3,) that most rows have, found (4,)"),
    "a null byte": (["h", 0, "a\0.npy"], "line 12"),
    "no label": (["h", "", "0.npy"], "column label"),
    "no id": (["", 0, "0.npy"], "column id: must be a name"),
    "an id twice": (["r1", 0, "0.npy"], "must be the only one, found 'r1' in 2 rows"),
    "nothing": (["h", 0, ""], "the row: must have one of x"),
    "a cell too many": (["h", 0, "0.npy", "more"], "must have 3 cells, as the header has, found 4"),
    "text among files": (["h", 0, "hello"], "there is no file hello"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_bad_row_is_named_by_line_and_never_dropped_in_silence(tmp_path, what):
    for i in range(10):
        np.save(tmp_path / f"{i}.npy", np.arange(3.0) + i)
    (tmp_path / "sub.npy").mkdir()
    (tmp_path / "broken.npy").write_bytes((tmp_path / "1.npy").read_bytes()[:100])
    np.save(tmp_path / "evil.npy", np.array([Evil()], dtype=object), allow_pickle=True)
    np.save(tmp_path / "nan.npy", np.array([1, np.nan, 2]))
    np.save(tmp_path / "odd.npy", np.ones(4))
    row, words = HOSTILE[what]
    path = csv(tmp_path, *([f"r{i}", i % 2, f"{i}.npy"] for i in range(10)), row)
    said = complaint(path)
    assert "line 12" in said
    assert words in said
    data = load(path, bad_rows="leave_out")
    assert sum(map(len, parts(data))) == 10
    assert "1 rows that cannot be used were left out, such as line 12" in data.note


@pytest.mark.parametrize(
    ("text", "words"),
    [("[1, 2]", "a JSON object, found [1, 2]"), ('{"id": 1, "label": NaN, "x": 1}', "NaN is not a number"),
     ('{"id": 1, "id": 2, "label": 0, "x": 1}', "a key stands there twice"), ("{", "a JSON object"),
     ("[" * 9999, "a JSON object"),
     ('{"id": "z", "label": {"a": 1}, "x": 1}', "column label"),
     ('{"id": "z", "label": 0, "x": {"a": 1}}', "column x")],
)  # fmt: skip
def test_hostile_json_lines(tmp_path, text, words):
    path = manifests.lines(tmp_path / "m.jsonl", [{"id": f"r{i}", "label": i % 2, "x": i} for i in range(10)])
    path.write_text(path.read_text() + "\n" + text + "\n")
    said = complaint(path)
    assert "line 12" in said
    assert words in said


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [("m.txt", b"", "must end in"), ("m.csv", b"", "must have a header"), ("m.csv", b"id,x\n1,2\n", "no label"),
     ("m.csv", b"\xff\xfe", "UTF-8"), ("m.csv", b"id,label\n1,2\n", "a column per modality"),
     ("m.csv", b"id,label,x,x\n1,2,3,4\n", "a name of its own"),
     ("m.csv", b'id,label,x\n1,2,"3\n', "no CSV"), ("m.csv", b"id,label,x\n1,0,1\n2,1,2\n", "must have samples")],
)  # fmt: skip
def test_files_that_are_no_manifest(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    assert words in complaint(tmp_path / name)


def test_a_file_that_changes_is_read_again(tmp_path):
    for i in range(10):
        np.save(tmp_path / f"{i}.npy", np.full(3, i))
    path = csv(tmp_path, *([f"r{i}", i % 2, f"{i}.npy"] for i in range(10)))
    before = load(path)
    for i in range(10):
        np.save(tmp_path / f"{i}.npy", np.full(3, -i))
    assert np.array_equal(load(path).train.inputs["x"], -before.train.inputs["x"])


def test_lines_count_as_an_editor_does(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text('id,label,x\n1,0,"two\nlines"\n2,1,text\n,0,text\n')
    assert [row.line for row in rows.read(path).rows] == [2, 4, 5]
    assert [p.line for p in preparing.examine(Manifest(path=path)).problems] == [5]
