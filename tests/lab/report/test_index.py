"""Several data sets or points: a report each, and one index of all, which alone has the p of primary comparisons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from asgml.lab import report, statistics
from asgml.lab.config import points
from asgml.lab.config.load import validate
from lab.report import logs

PAIR = {"audio": [0.5, 0.6], "visual": [0.3, 0.4]}
DOCUMENT: dict[str, Any] = {
    "name": "study", "datasets": {"easy": {"name": "keypad", "snr_db": 0}, "hard": {"name": "keypad"}},
    "grid": {"train.lr": [0.1, 0.2]}, "seeds": [0, 1, 2], "methods": {"baseline": [], "m": []},
    "primary": ["m", {"method": "baseline", "against": "m", "dataset": "hard"}],
}  # fmt: skip


def accuracy(folder: str, method: str, seed: int) -> float:
    gain = {"easy": 0.02, "hard": -0.04}[folder.partition("/")[0]] * (seed + 1)
    return 0.5 + 0.01 * seed + gain * (method == "m")


def lay_out(tmp_path: Path) -> Path:
    experiment = validate(DOCUMENT)
    (tmp_path / "experiment.json").write_text(experiment.model_dump_json(by_alias=True))
    for point in points.of(experiment):
        folder = tmp_path / point.folder
        folder.mkdir(parents=True)
        (folder / "experiment.json").write_text(point.experiment.model_dump_json(by_alias=True))
        for method, seed in ((m, s) for m in ("baseline", "m") for s in (0, 1, 2)):
            score = accuracy(point.folder, method, seed)
            logs.write_cell(folder, method, seed, logs.records(PAIR, [score, 0.1]), best_epoch=1)
    return tmp_path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return lay_out(tmp_path)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    run = lay_out(tmp_path_factory.mktemp("study"))
    return run, report.write(run)


Written = tuple[Path, dict[str, Any]]
FOLDERS = [f"{d}/train.lr={lr}" for d in ("easy", "hard") for lr in (0.1, 0.2)]


def test_every_point_has_its_report_and_the_index_has_all_of_them(written: Written) -> None:
    run, found = written
    assert json.loads((run / "index.json").read_text()) == found
    assert [p["folder"] for p in found["points"]] == FOLDERS
    assert found["points"][2] | {"summary": None} == {
        "folder": "hard/train.lr=0.1", "dataset": "hard", "settings": {"train.lr": 0.1}, "summary": None,
    }  # fmt: skip
    for point in found["points"]:
        assert json.loads((run / point["folder"] / "summary.json").read_text()) == point["summary"]
        assert (run / point["folder"] / "report.html").exists()
    text = (run / "index.md").read_text()
    row = logs.table(text, *FOLDERS)["m"]
    assert row["easy/train.lr=0.2"] == "55.00% ± 3.00 (n=3)"
    assert "hard/train.lr=0.2/report.html" in text
    assert "<h2" in (run / "index.html").read_text()


def test_a_primary_comparison_is_over_all_data_sets_or_one(written: Written) -> None:
    run, (whole, one) = written[0], written[1]["primary"]
    mean = [statistics.mean([0.02 * (s + 1), -0.04 * (s + 1)]) for s in (0, 1, 2)]
    assert whole["difference"] == pytest.approx(statistics.mean(mean))
    assert one["difference"] == pytest.approx(0.04 * 2)
    assert (whole["n"], whole["p"], whole["p_holm"], one["dataset"]) == (3, 0.25, 0.5, "hard")
    assert "| all, the mean | -2.00 points |" in (run / "index.md").read_text()
    for folder in FOLDERS:
        assert "p after Holm" not in (run / folder / "analysis.md").read_text()


def test_differences_are_exploratory_and_have_no_p(written: Written) -> None:
    text = (written[0] / "index.md").read_text()
    after = text.split("(exploratory)")[1]
    assert "so without a p" in after
    assert "+4.00 points (-0.97 to +8.97 points)" in after


def test_what_is_missing_is_said_and_what_was_never_begun_left_out(run: Path) -> None:
    (run / "easy/train.lr=0.1/m/seed2/result.json").unlink()
    for path in sorted((run / "hard/train.lr=0.2").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    found = report.write(run, to=run / "elsewhere")
    assert [p["folder"] for p in found["points"]] == FOLDERS[:3]
    assert "Incomplete: 1 cells of easy/train.lr=0.1 have no result." in (run / "elsewhere/index.md").read_text()
    assert not (run / "index.md").exists()
    assert (run / "elsewhere/easy/train.lr=0.1/report.html").exists()


def test_choices_stand_side_by_side_with_a_mark_at_the_edges(run: Path) -> None:
    entry = {"chosen": {"train.lr": 0.1}, "edges": ["train.lr"], "trials": []}
    tuned = {"over": {"train.lr": [0.1, 0.2]}, "seeds": [7], "trials": 2, "methods": {"m": entry}}
    (run / FOLDERS[0] / "tuning.json").write_text(json.dumps(tuned))
    report.write(run)
    text = (run / "index.md").read_text()
    assert "Each point is tuned by itself." in text
    assert "train.lr = 0.1\\*" in text
    assert "Tuning chose an edge of the grid of train.lr for 1 of 1 methods (m)" in text
