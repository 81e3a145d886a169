"""One's own files from the command line: check, run, report."""

import json

import pytest

import manifests
from asgml.lab import engines
from asgml.lab.cli import main
from lab.sweeping import Here


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ASGML_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engines, "make", lambda *words: Here())


def test_numbers_with_missing_modalities_from_file_to_report(tmp_path, capsys):
    manifests.told(tmp_path, lambda k: k - 1.5, lacking=0.3)
    experiment = {"name": "mine", "dataset": {"name": "manifest", "path": "told.jsonl"}, "model": {"feature_dim": 8},
                  "train": {"epochs": 2, "batch_size": 16}, "seeds": [0],
                  "methods": {"baseline": [], "alone": {"modality": "numbers"}}}  # fmt: skip
    (tmp_path / "mine.yaml").write_text(json.dumps(experiment))
    assert main(["run", "mine.yaml", "--jobs", "1"]) == 0
    assert "test R²" in capsys.readouterr().out
    summary = json.loads((tmp_path / "outputs/mine/summary.json").read_text())
    assert summary["task"] == "regression"
    found = summary["methods"]["baseline"]
    assert found.keys() >= {"test_r2", "test_mae", "train_minus_test_r2", "probe_r2", "utilization_gap"}
    analysis = (tmp_path / "outputs/mine/analysis.md").read_text()
    for words in ("Task: regression. Loss: mean squared error. Probe: ridge regression. Score: R²", "Missing modalities: ",
                  "| MAE (labels' unit), epoch chosen on validation |", "Acc-7, last epoch",
                  f"{found['test_mae']['mean']:.4f}"):  # fmt: skip
        assert words in analysis
    assert "accurac" not in analysis.lower(), "no number is called accuracy that is none"


def test_check_tells_of_every_bad_row_and_looks_at_the_others(tmp_path, capsys):
    path = manifests.clips(tmp_path / "mine", n=20)
    path.write_text(path.read_text() + "clip0,class 0,media/1.wav,\nlost,class 1,media/none.wav,media/1.png\n")
    assert main(["data", "check", str(path), "--out", "page.html"]) == 0
    said = capsys.readouterr().out
    for words in ("classification, 2 of them", "(3, 32, 32)", "line 22, column id: must be the only one",
                  "line 23, column audio: there is no file media/none.wav", "2 rows cannot be used, 20 can"):  # fmt: skip
        assert words in said
    assert (tmp_path / "page.html").exists()


def test_check_of_labels_that_are_no_classes(tmp_path):
    manifests.told(tmp_path, lambda k: ["A", "B", "C"][:k], lacking=0.3)
    assert main(["data", "check", "told.jsonl", "--out", "page.html"]) == 0
    assert "A + B" in (tmp_path / "page.html").read_text()
