"""Numbers in cells: lists as programs print them are vectors, and numbers that cannot be read never pass for text."""

import pytest

from asgml.lab.datasets.manifest import kinds, labels, preparing
from asgml.lab.datasets.manifest.opening import opened
from asgml.lab.datasets.manifest.table import Row
from asgml.lab.datasets.settings import Manifest
from asgml.lab.errors import InputError

READ = {
    "[0.5 1.5]": [0.5, 1.5], "[0.5 1.5\n 2. ]": [0.5, 1.5, 2.0], "[ 1.e-03 -2.e+00]": [0.001, -2.0], "(0.5, 1.5)": [0.5, 1.5],
    "(1, 2)": [1, 2], "(1,)": [1], "0.5, 1.5": [0.5, 1.5], "0.5,1.5": [0.5, 1.5], "1, 2": [1, 2], "1,2,3": [1, 2, 3],
    "[1, 2.5]": [1, 2.5], "1 2.5": [1, 2.5], "1;2.5": [1, 2.5], "-.5": [-0.5], "7": [7],
}  # fmt: skip


@pytest.mark.parametrize("cell", READ)
def test_lists_as_programs_print_them_are_numbers(cell):
    assert kinds.vector(cell) == READ[cell]
    assert kinds.of(cell) == "vector"


NONE = [
    "1,234", "1,234,567", "1,234.5", "1.234,5", "0,5", "[1, x]", "1_000", "(one)", "a, b", "", "[]", "()", "[0.1 ... 0.2]",
    "[nan 1.0]", "8\u202f234", "8\xa0234,5", "2024-01-02", "[[1, 2]]",
]  # fmt: skip


@pytest.mark.parametrize("cell", NONE)
def test_other_texts_are_no_numbers(cell):
    assert kinds.vector(cell) is None


def table(tmp_path, cells, label="ab"):
    path = tmp_path / "m.tsv"
    rows = (f"r{i}\t{label[i % len(label)]}\t{cells[i % len(cells)]}\tgo {i % 5}\n" for i in range(12))
    path.write_text("id\tlabel\tx\twords\n" + "".join(rows))
    return path


UNREAD = [
    "1.234,5", "1,234.5", "1.234.567,8", "12 %", "12%", "€5", "5 €", "$ 1.50", "1'234", "\u22125.5", "8\u202f234", "8\xa0234,5",
    "array([0.5, 1.5])", "tensor([0.5, 1.5])", "np.array([1, 2])", "[0.1 ... 0.2]", "[[1, 2], [3, 4]]", "[0,5 1,5]",
]  # fmt: skip


@pytest.mark.parametrize("cell", UNREAD)
def test_numbers_that_cannot_be_read_are_refused_and_may_be_text(tmp_path, cell):
    path = table(tmp_path, [cell, cell.replace("5", "6"), ""])
    with pytest.raises(InputError, match=r"x: must be numbers as `1234.5`.*set `dataset.columns.x: text`"):
        opened(Manifest(path=path))
    assert opened(Manifest(path=path, columns={"x": "text"}))[1]["x"] == "text"


WORDS = [
    "31.12.2024",
    "2024-12-31",
    "10:30",
    "1.2.3",
    "12 apples",
    "5 kg",
    "top 10 %",
    "[music]",
    "(5 laughs)",
    "yes",
    "No. 7 is",
    "C3PO",
]


@pytest.mark.parametrize("cell", WORDS)
def test_days_and_words_with_numbers_stay_text(tmp_path, cell):
    assert opened(Manifest(path=table(tmp_path, [cell, "well"])))[1]["x"] == "text"
    assert opened(Manifest(path=table(tmp_path, [cell])))[1]["x"] == "text"


@pytest.mark.parametrize(
    ("cells", "kind"), [(["NA", "nan", "0.5"], "vector"), (["NA", "n/a", "a.wav"], "audio"), (["NA"], "text")]
)
def test_words_for_nothing_do_not_make_a_column_text(tmp_path, cells, kind):
    path = table(tmp_path, cells)
    assert opened(Manifest(path=path))[1]["x"] == kind
    if kind == "vector":
        problem = str(preparing.examine(Manifest(path=path)).problems[0])
        assert problem.endswith("found 'NA'; leave the cell empty where there is none")


@pytest.mark.parametrize(
    ("written", "said"), [(["0,5", "1,5"], True), (["1,0", "2"], True), (["1,a", "1,5"], False), (["1", "2"], False)]
)
def test_labels_that_may_be_amounts_are_said(written, said):
    found = labels.decide([Row(i, {"label": v}) for i, v in enumerate(written * 2, 2)], None)
    assert found.task == "classification"
    assert ("amounts with a decimal comma, set `dataset.task: regression`" in " ".join(found.notes)) == said
