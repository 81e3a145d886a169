"""Pages with results are what their study makes of the rows that stand beside them: no number is typed by hand."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"
STUDIES = DOCS.parent / "studies"


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(STUDIES))
    monkeypatch.chdir(DOCS.parent)
    return importlib.import_module


@pytest.mark.parametrize("name", ["results", "lr_question", "auto"])
def test_a_page_is_what_its_rows_say(study: Any, name: str) -> None:
    module, written = study(name), (DOCS / f"{name}.md").read_text()
    command = re.search(r"```\n(.*?)\npython studies/", written, re.DOTALL)
    assert command
    assert module.page(module.kept.read(module.FILE), command[1]) == written


def test_the_diagnosis_page_is_what_its_rows_say(study: Any) -> None:
    calibration = study("calibrate_diagnosis")
    assert calibration.page(calibration.read(calibration.KEPT)) == (DOCS / "diagnosis.md").read_text()


def test_a_planted_case_is_trained_and_examined(study: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calibration: ModuleType = study("calibrate_diagnosis")
    monkeypatch.setattr(calibration, "EPOCHS", 1)
    case = next(case for case in calibration.CASES if case.head == 0)
    rows = calibration.examine(case, 7, None, {})
    assert [row["modality"] for row in rows] == ["audio", "visual"]
    assert [row["truth"] for row in rows] == ["ignored", "balanced"]
    assert float(rows[0]["permuting"]) == 0, "the head's weights for it are zero"
    assert set(rows[0]) == set(calibration.COLUMNS)
    assert set(calibration.verdicts(rows)) == {"audio", "visual"}


def test_the_front_has_who_is_better_than_all_that_cost_no_more(study: Any) -> None:
    points = {
        "dear": (100.0, 90.0),
        "worse": (100.0, 80.0),
        "cheap": (50.0, 85.0),
        "no better": (60.0, 85.0),
        "best": (120.0, 91.0),
    }
    assert study("results").front(points) == ["cheap", "dear", "best"]
