"""Manifests as spreadsheets and other programs write them: what is clear is read and said, the rest is refused by its cause."""

import csv
import datetime
import os
import sys

import numpy as np
import openpyxl
import pyarrow
import pytest
from pyarrow import parquet

from asgml.lab.datasets.manifest import preparing, rows, separated, workbooks
from asgml.lab.datasets.manifest.opening import opened
from asgml.lab.datasets.settings import Manifest
from asgml.lab.errors import InputError

PLAIN = "id,label,x,words\n" + "".join(f"r{i},{'ab'[i % 2]},{i % 7}.5,hello {i}\n" for i in range(20))
SEMICOLONS = PLAIN.replace(",", ";")


def written(tmp_path, content, name="m.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def cells(table):
    return [dict(row.cells) for row in table.rows]


READ = {
    "a mark": (PLAIN.encode("utf-8-sig"), ""),
    "Windows' lines": (PLAIN.replace("\n", "\r\n"), ""),
    "old Mac's lines": (PLAIN.replace("\n", "\r"), ""),
    "semicolons": (SEMICOLONS, "semicolons stand between cells"),
    "tabs": (PLAIN.replace(",", "\t"), "tabs stand between cells"),
    "bars": (PLAIN.replace(",", "|"), "bars stand between cells"),
    "UTF-16": (PLAIN.replace(",", "\t").encode("utf-16"), "read as UTF-16; tabs stand between cells"),
    "UTF-16 the other way": (b"\xfe\xff" + SEMICOLONS.encode("utf-16-be"), "read as UTF-16; semicolons stand between cells"),
    "UTF-32": (PLAIN.encode("utf-32"), "read as UTF-32"),
    "a line for Excel": ("sep=;\r\n" + SEMICOLONS, "its first line says that semicolons stand between cells"),
    "a line for Excel after a mark": (b"\xef\xbb\xbfSEP=;\n" + SEMICOLONS.encode(), "its first line says that semicolons"),
    "capitals": (PLAIN.replace("id,label", "ID, Label "), "the column 'ID' is taken for 'id'; the column 'Label' is taken for"),
    "rows of commas": (PLAIN + ",,,\n" * 3 + " , ,,\n", "4 rows of empty cells are no samples"),
    "an empty column": (PLAIN.replace("\n", ",\n"), "1 columns without a name hold nothing and are left out"),
    "an empty column in the head alone": (PLAIN.replace("words\n", "words,,\n"), "2 columns without a name hold nothing"),
    "empty cells beyond the head": (PLAIN.replace("hello 3", "hello 3,,"), ""),
    "decimal commas": (SEMICOLONS.replace(".5", ",5"), "semicolons stand between cells; decimal commas are read in x"),
}


@pytest.mark.parametrize("what", READ)
def test_what_is_clear_is_read_and_said(tmp_path, what):
    content, words = READ[what]
    table, found = opened(Manifest(path=written(tmp_path, content)))
    plain, expected = opened(Manifest(path=written(tmp_path, PLAIN, "plain.csv")))
    assert found == expected
    assert cells(table) == cells(plain)
    assert not table.problems
    assert words in "; ".join(table.notes)
    assert bool(words) == bool(table.notes)


def test_what_was_said_stands_in_the_note(tmp_path):
    found = preparing.prepare(Manifest(path=written(tmp_path, "sep=;\n" + SEMICOLONS)), 0, {})
    assert "its first line says that semicolons stand between cells" in found.note


def test_lines_count_on_after_the_line_for_excel(tmp_path):
    table = rows.read(written(tmp_path, "sep=,\nid,label,x\n1,a,2\n3,b\n"))
    assert [row.line for row in table.rows] == [3]
    assert [p.line for p in table.problems] == [4]


REFUSED = {
    "an old code": (PLAIN.replace("r3", "Bjö").encode("cp1252"), r"line 5 holds the byte 0xf6, as in Windows-1252 .*UTF-8"),
    "UTF-16 without a mark": (PLAIN.encode("utf-16-le"), "looks like UTF-16 without a mark"),
    "half of UTF-16": (PLAIN.encode("utf-16") + b"\0", "has the mark of UTF-16 and is none"),
    "a workbook": (b"PK\x03\x04and more", "it is a workbook; give it the ending .xlsx"),
    "no names": (PLAIN.split("\n", 1)[1], "must have the columns id and label, named in its first row"),
    "thousands": (SEMICOLONS.replace(".5", ",500"), r"'1,500' in x may be 1.500 or 1500; write numbers with a point"),
    "both signs": (SEMICOLONS.replace("6.5", "6,5"), "numbers of x must have one sign for decimals, found '6,5' and '0.5'"),
    "a column without a name": (PLAIN.replace("words\n", "\n"), "found none over column 4, which holds 'hello 0'"),
    "names twice": (PLAIN.replace("words", "x"), "must have a name of its own, found 'x' twice"),
    "a name in two cases": (PLAIN.replace("words", "ID"), "'ID' may be meant for 'id'"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_clear_is_refused_by_its_cause(tmp_path, what):
    content, words = REFUSED[what]
    with pytest.raises(InputError, match=words):
        opened(Manifest(path=written(tmp_path, content.replace("0,500", "1,500") if what == "thousands" else content)))


def test_what_is_not_clear_can_be_settled(tmp_path):
    path = written(tmp_path, SEMICOLONS.replace("6.5", "6,5"))
    assert opened(Manifest(path=path, columns={"x": "text"}))[1] == {"x": "text", "words": "text"}
    path = written(tmp_path, PLAIN.replace("words", "ID"))
    assert opened(Manifest(path=path, columns={"ID": "ignore"}))[1] == {"x": "vector"}


def test_labels_with_decimal_commas_are_numbers(tmp_path):
    text = "id;label;x\n" + "".join(f"{i};{i / 4};{i % 3} 1,5\n".replace(".", ",") for i in range(12))
    found = preparing.examine(Manifest(path=written(tmp_path, text)))
    assert (found.labelled.task, found.labelled.labels[3]) == ("regression", [0.25])
    assert "decimal commas are read in label, x" in found.table.notes


def test_a_pair_of_labels_is_no_decimal(tmp_path):
    text = "id,label,x\n" + "".join(f'{i},"{i % 2},{i % 3}",word {i}\n' for i in range(12))
    assert preparing.examine(Manifest(path=written(tmp_path, text))).labelled.task == "classification"


def test_a_large_cell_is_read_and_the_process_is_left_as_it_was(tmp_path):
    before = csv.field_size_limit()
    numbers = " ".join(["1.5"] * 50_000)
    table = rows.read(written(tmp_path, f"id,label,x\na,b,{numbers}\n"))
    assert table.rows[0].cells["x"] == numbers
    assert csv.field_size_limit() == before


def test_a_cell_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(separated, "LONGEST", 1000)
    with pytest.raises(InputError, match="line 2: a cell of more than 1000 characters"):
        rows.read(written(tmp_path, f"id,label,x\na,b,{'1' * 2000}\n"))


def test_a_null_character_is_a_problem_of_its_row(tmp_path):
    table = rows.read(written(tmp_path, PLAIN.replace("hello 3", "hel\0lo")))
    assert [str(p) for p in table.problems] == ["line 5, the row: must be text, found a null character in it"]


def test_windows_and_mac_paths_are_found(tmp_path):
    for name in ("a.npy", "Bj\u00f6rn.npy"):
        (tmp_path / "s").mkdir(exist_ok=True)
        np.save(tmp_path / "s" / name, np.ones(3))
    text = "id,label,x\n1,a,s\\a.npy\n2,b,s/Bjo\u0308rn.npy\n3,a,.\\s\\a.npy\n"
    found = preparing.examine(Manifest(path=written(tmp_path, text)))
    assert not found.problems
    assert "backslashes in paths are read as slashes" in found.table.notes


@pytest.mark.parametrize(
    ("name", "words"),
    [("C:\\Users\\me\\a.npy", "it names a drive of another computer"), ("file:///a.npy", "it is an address"),
     ("'s/a.npy'", "take the quotation marks away"), ("nan", "leave the cell empty")],
)  # fmt: skip
def test_a_name_that_no_file_has_says_what_may_be_wrong(tmp_path, name, words):
    np.save(tmp_path / "a.npy", np.ones(3))
    text = "id,label,x\n" + "".join(f"{i},a,a.npy\n" for i in range(5)) + f"9,b,{name}\n"
    (problem,) = preparing.examine(Manifest(path=written(tmp_path, text))).problems
    assert words in str(problem)


ROWS = [[f"r{i}", i % 3, i / 2, f"go {i}"] for i in range(12)]
HEAD = ["id", "Label", "x", "words"]


def workbook(path, head=HEAD, body=ROWS, sheets=("one",)):
    book = openpyxl.Workbook()
    book.active.title = sheets[0]
    for row in [head, *body]:
        book.active.append(row)
    for name in sheets[1:]:
        book.create_sheet(name)
    book.save(path)
    return path


def test_an_excel_table_is_read(tmp_path):
    body = [*ROWS[:3], [None] * 4, ["r9", 1.0, None, datetime.date(2020, 1, 2)]]
    table = rows.read(workbook(tmp_path / "m.xlsx", body=body, sheets=("data", "more")))
    assert table.columns == ("id", "label", "x", "words")
    assert cells(table)[1] == {"id": "r1", "label": 1, "x": 0.5, "words": "go 1"}
    assert cells(table)[3]["x"] is None
    assert cells(table)[3]["words"].startswith("2020-01-02")
    assert [row.line for row in table.rows] == [2, 3, 4, 6]
    assert table.notes == ("the sheet 'data' of 2 is read", "the column 'Label' is taken for 'label'")


def test_formulas_without_a_value_are_problems(tmp_path):
    table = rows.read(workbook(tmp_path / "m.xlsx", body=[*ROWS[:2], ["a", 1, "=1+1", "b"], ["c", 1, "#N/A", "d"]]))
    assert [str(p).partition(", found ")[2] for p in table.problems] == [
        "a formula whose value was not saved; save it in Excel", "#N/A, a formula that failed"]  # fmt: skip
    assert len(table.rows) == 2


def frame(path, **columns):
    parquet.write_table(pyarrow.table(columns), path)
    return path


def test_a_parquet_table_is_read(tmp_path):
    path = frame(tmp_path / "m.parquet", ID=["a", "b", "c"], label=[1.0, 2.0, float("nan")], x=[[1.0, 2.5], [3.0, 4.0], None],
                 words=pyarrow.array(["u", "v", "u"]).dictionary_encode())  # fmt: skip
    table = rows.read(path)
    assert cells(table)[0] == {"id": "a", "label": 1.0, "x": [1.0, 2.5], "words": "u"}
    assert cells(table)[2] == {"id": "c", "label": None, "x": None, "words": "u"}
    found = preparing.examine(Manifest(path=path))
    assert (found.labelled.task, found.labelled.classes) == ("classification", ("1", "2"))
    assert found.kinds == {"x": "vector", "words": "text"}


@pytest.mark.parametrize("name", ["m.xlsx", "m.parquet"])
@pytest.mark.parametrize("content", [b"", PLAIN.encode(), b"PK\x03\x04", b"PAR1" + bytes(40) + b"PAR1"])
def test_tables_that_are_none_are_refused(tmp_path, name, content):
    with pytest.raises(InputError, match=rf"{name} cannot be read as {name[2:]} \(.*must end in what it is"):
        rows.read(written(tmp_path, content, name))


@pytest.mark.parametrize("name", ["m.xlsx", "m.parquet"])
def test_a_table_that_unpacks_to_too_much_is_refused(tmp_path, name, monkeypatch):
    monkeypatch.setattr(workbooks, "LARGEST", 10)
    path = workbook(tmp_path / name) if name == "m.xlsx" else frame(tmp_path / name, id=["a"], label=[1], x=[2])
    with pytest.raises(InputError, match="once it is unpacked, 10 at most can be read; save it as CSV"):
        rows.read(path)


@pytest.mark.parametrize(("name", "package"), [("m.xlsx", "openpyxl"), ("m.parquet", "pyarrow")])
def test_what_is_not_installed_is_named(tmp_path, name, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf"needs {package} .*pip install 'asgml\[tables\]', or save the table as CSV"):
        rows.read(written(tmp_path, b"", name))


@pytest.mark.parametrize("name", ["m.csv", "m.jsonl", "m.xlsx", "m.parquet"])
def test_a_file_that_is_not_there_is_called_so(tmp_path, name):
    with pytest.raises(InputError, match=f"there is no file .*{name}"):
        rows.read(tmp_path / name)


def test_other_spreadsheets_are_refused_with_a_way_out(tmp_path):
    with pytest.raises(InputError, match=r"must end in .csv.* found 'm.ods'; save it as .xlsx or .csv"):
        rows.read(tmp_path / "m.ods")


def test_a_pipe_and_a_folder_are_no_manifest(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    for name in ("pipe.csv", "folder.csv"):
        with pytest.raises(InputError, match="must be a file, found a folder, a pipe or a device at"):
            rows.read(tmp_path / name)
