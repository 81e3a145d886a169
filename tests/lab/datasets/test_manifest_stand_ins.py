"""What lies in a manifest's place is told by its content, and so are cells that hold the media themselves."""

import json
import subprocess
import sys

import pytest

from asgml.lab.datasets.manifest import preparing, reading
from asgml.lab.datasets.manifest.opening import opened
from asgml.lab.datasets.settings import Manifest
from asgml.lab.errors import InputError

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n"
INSTEAD = {
    "pointer": (POINTER, "Git LFS pointer; run `git lfs pull`"), "page": (b"<!DOCTYPE html><html></html>", "web page"),
    "zeros": (b"\0" * 500, "nothing but zero bytes"), "an error": (b"<?xml version='1.0'?><Error/>", "XML text"),
}  # fmt: skip


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "xlsx", "parquet"])
@pytest.mark.parametrize("what", INSTEAD)
def test_what_lies_in_the_place_of_a_manifest_is_told(tmp_path, what, ending):
    content, words = INSTEAD[what]
    (tmp_path / f"m.{ending}").write_bytes(content)
    with pytest.raises(InputError, match=f"is not the file itself: {words}"):
        opened(Manifest(path=tmp_path / f"m.{ending}"))


def test_json_in_its_own_place_is_read_and_elsewhere_told(tmp_path):
    lines = "".join(json.dumps({"id": i, "label": "ab"[i % 2], "x": [1.5, i % 3]}) + "\n" for i in range(4))
    for ending in ("jsonl", "csv"):
        (tmp_path / f"m.{ending}").write_text(lines)
    assert opened(Manifest(path=tmp_path / "m.jsonl"))[1] == {"x": "vector"}
    with pytest.raises(InputError, match="not the file itself: JSON text"):
        opened(Manifest(path=tmp_path / "m.csv"))


def test_a_file_of_one_json_list_is_told_by_what_is_wrong_with_it(tmp_path):
    (tmp_path / "m.jsonl").write_text('[{"id": 1, "label": "a", "x": 1}]')
    with pytest.raises(InputError, match=r"line 1, the row: must be a JSON object, found \[\{"):
        opened(Manifest(path=tmp_path / "m.jsonl"))


def test_bytes_in_a_cell_are_no_text(tmp_path):
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "m.parquet"
    parquet.write_table(pa.table({"id": ["1", "2"], "label": ["a", "b"], "x": [b"ab", b"cd"]}), path)
    problems = [str(p) for p in preparing.examine(Manifest(path=path)).problems]
    assert problems[0] == "line 1, column x: must be text, found b'ab'; save media and arrays as files, and name these"
    with pytest.raises(reading.Bad, match="save media and arrays as files"):
        reading.text({"bytes": b"ab"}, tmp_path, Manifest(path=path))


def test_a_manifest_of_text_is_read_without_what_decodes_media(tmp_path):
    """These take a second to import."""
    (tmp_path / "m.csv").write_text("id,label,x\n1,a,2\n2,b,3\n")
    code = "import sys; from pathlib import Path; from asgml.lab.datasets.manifest import rows; rows.read(Path('m.csv')); "
    done = subprocess.run(
        [sys.executable, "-c", f"{code}print([m for m in ('soundfile', 'scipy.signal') if m in sys.modules])"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
