"""No cell of a CSV file that we write is a formula."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from asgml.lab.csv_cells import plain
from asgml.lab.prepared.write import problems_csv
from asgml.lab.report import csvs, paper_formats
from asgml.lab.report.document import Dots, Figure, Panel
from asgml.lab.report.paper import Paper, Row

FORMULA = '=HYPERLINK("http://x","y")'


@pytest.mark.parametrize(
    "text", [FORMULA, "+1+cmd", "-2+3", "@SUM(1)", "\t=1", "\r=1", " =1", "\n=1", "\uff1d1", "-", "=", "-1\n", "--1"]
)
def test_text_that_begins_like_a_formula_gets_an_apostrophe(text: str) -> None:
    assert plain(text) == f"'{text}"


@pytest.mark.parametrize("value", [-3.41, 5, None, True, "-3.41", "+5", "-1e-05", "audio", "a=b", "", "-inf"])
def test_numbers_and_names_stay(value: Any) -> None:
    assert plain(value) == value


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_every_file_has_harmless_cells() -> None:
    figure = Figure("f", "", "", (Panel(FORMULA, FORMULA, FORMULA, dots=(Dots(0, (-1.0,), (2.0,)),)),), ((0, FORMULA),))
    assert rows(csvs.of(figure))[1] == [f"'{FORMULA}", f"'{FORMULA}", "-1.0", "2.0", "", "", f"'{FORMULA}", f"'{FORMULA}"]
    table = paper_formats.as_csv(Paper((Row(FORMULA, "-m", 1, None, None, None, None, None),), "c"))
    assert rows(table)[2][:3] == [f"'{FORMULA}", "'-m", "1"]
    problem = {"id": FORMULA, "modality": "audio", "file": "@x.wav", "reason": "-", "detail": "-1"}
    assert rows(problems_csv([problem]))[1] == [f"'{FORMULA}", "audio", "'@x.wav", "'-", "-1"]
