"""With one seed, an interval over test samples, drawn by groups and named as what it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asgml.lab import report, statistics
from asgml.lab.report import facts, folders, samples
from lab.report import logs

PAIR = {"audio": [0.5], "visual": [0.3]}
LABELS = np.arange(60) % 3
GROUPS = np.array([f"speaker{i // 2}" for i in range(60)])


def keep(cell: Path, wrong: range, order: slice = slice(None)) -> None:
    logits = np.eye(3)[(LABELS + np.isin(np.arange(60), list(wrong))) % 3]
    np.savez(cell / "predictions.npz", test_id=np.array([f"s{i}" for i in range(60)])[order], test_label=LABELS[order],
             test_group=GROUPS[order], test_logits=logits[order])  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Path:
    logs.write_experiment(tmp_path, {"baseline": [], "m": []}, [0])
    keep(logs.write_cell(tmp_path, "baseline", 0, logs.records(PAIR, [0.5])), range(20))
    keep(logs.write_cell(tmp_path, "m", 0, logs.records(PAIR, [0.8])), range(12, 20), slice(None, None, -1))
    return tmp_path


def test_samples_are_paired_by_id_and_drawn_by_group(run: Path) -> None:
    base, method = folders.read(run).methods
    found = samples.difference(method, base)
    assert found is not None
    gain = [float(i < 12) for i in reversed(range(60))]
    assert (found.samples, found.groups) == (60, 30)
    assert found.interval == statistics.clustered(gain, list(reversed(GROUPS.tolist())))


def test_the_report_names_it_as_what_it_is(run: Path) -> None:
    report.write(run)
    text = (run / "analysis.md").read_text()
    row = next(line for line in text.splitlines() if "(over test samples, 30 groups)" in line)
    assert row.startswith("| `m` | Accuracy, epoch chosen on validation | +30.00 points |")
    assert "says nothing of another seed" in text


def test_few_groups_are_said(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "FEW", 31)
    report.write(run)
    assert "30 groups, too few to rely on" in (run / "analysis.md").read_text()


def test_without_predictions_or_with_more_seeds_there_is_none(run: Path) -> None:
    (run / "m/seed0/predictions.npz").unlink()
    base, method = folders.read(run).methods
    assert samples.difference(method, base) is None
    for name in ("baseline", "m"):
        keep(logs.write_cell(run, name, 1, logs.records(PAIR, [0.5])), range(3))
    base, method = folders.read(run).methods
    assert samples.difference(method, base) is None
    report.write(run)
    assert "over test samples" not in (run / "analysis.md").read_text()


def test_guessing_is_the_commonest_class(run: Path) -> None:
    study = folders.read(run)
    assert facts.of(study).guess == pytest.approx(1 / 3), "of the labels beside the predictions, not of the two classes named"
    labels = np.array([0] * 42 + [1] * 18)
    for cell in run.glob("*/seed0"):
        np.savez(cell / "predictions.npz", test_label=labels)
    assert facts.of(folders.read(run)).guess == 0.7
    for cell in run.glob("*/seed0"):
        (cell / "predictions.npz").unlink()
    assert facts.of(folders.read(run)).guess == 0.5, "nothing tells more than the number of classes"
    for cell in run.glob("*/seed0"):
        lines = (cell / "metrics.jsonl").read_text()
        (cell / "metrics.jsonl").write_text(lines.replace('"sizes":', '"commonest": {"test": 0.8}, "sizes":', 1))
    assert facts.of(folders.read(run)).guess == 0.8
