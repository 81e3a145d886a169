from __future__ import annotations

import csv
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from asgml.lab.errors import InputError
from asgml.lab.report import paper, paper_formats
from asgml.lab.report.paper import Paper, Row
from asgml.lab.statistics import estimate
from lab.report import logs
from lab.report.test_renderers import HOSTILE

NASTY = HOSTILE + "\\end{table} 50% #1 ~^\"'{}--- ±"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = logs.phase1(tmp_path_factory.mktemp("paper") / "mine", epochs=4)
    settings = json.loads((folder / "experiment.json").read_text())
    (folder / "experiment.json").write_text(
        json.dumps(settings | {"primary": [{"method": "frequency_k2", "against": "baseline"}]})
    )
    return folder


def test_the_csv_holds_every_number_unrounded(run: Path) -> None:
    caption, *rest = paper_formats.as_csv(paper.of(run)).splitlines()
    rows = {row["method"]: row for row in csv.DictReader(rest)}
    assert list(rows) == ["baseline", "frequency_k2", "staleness_t2", "audio_alone", "visual_alone"]
    assert caption.startswith("# Test set, ")
    found = rows["frequency_k2"]
    assert float(found["difference"]) == pytest.approx(-0.015)
    assert (found["data"], found["n"], found["pairs"], found["p"], found["p_holm"]) == ("keypad", "3", "3", "0.25", "0.25")
    assert (rows["staleness_t2"]["p"], rows["baseline"]["difference"], rows["audio_alone"]["gap_mean"]) == ("", "", "")


def test_the_caption_says_what_the_numbers_are(run: Path) -> None:
    said = paper.of(run).caption
    for words in ("n = 3 seeds", "Split: Split by image, paired at random.", "Protocol: 4 epochs; scored at the epoch",
                  "paired by seed", "over the one comparison named before the runs",
                  "frequency_k2 against baseline: -1.50 points, 3 pairs, p = 0.25."):  # fmt: skip
        assert words in said


def test_without_a_named_comparison_there_is_no_p(run: Path, tmp_path: Path) -> None:
    other = logs.phase1(tmp_path / "other", seeds=(0,), epochs=2)
    found = paper.of(other)
    assert "No comparison was named before the runs, so none carries a p." in found.caption
    assert all(row.tested is None for row in found.rows)


def test_markdown_is_a_table_and_its_caption(run: Path) -> None:
    (table,) = logs.tables(paper_formats.as_markdown(paper.of(run)).replace("\\", ""))
    assert table[0] == ["Data", "Method", "n", "Accuracy", "Macro F1", "Gap", "Difference", "95% interval", "p"]
    assert table[2][:4] == ["keypad", "frequency_k2", "3", "33.50 ± 1.00"]
    assert table[2][-3:] == ["−1.50", "[−1.50, −1.50]", "0.25"]


def test_nothing_finished_is_nothing_to_show(tmp_path: Path) -> None:
    logs.write_experiment(tmp_path / "r", {"baseline": []}, [0])
    with pytest.raises(InputError, match="must hold a finished cell"):
        paper.of(tmp_path / "r")


def hostile() -> Paper:
    found = estimate([0.5, 0.6, 0.7])
    return Paper((Row(NASTY, NASTY, 3, found, None, found, found, None),), NASTY)


def test_nothing_hostile_is_read_as_latex() -> None:
    text = paper_formats.as_latex(hostile())
    assert text.count(r"\end{table}") == text.count(r"\\" + "\n") - 1 == 1
    assert "<" not in text
    assert "---" not in text
    assert r"\textbackslash{}end\{table\} 50\% \#1" in text


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex on the path")
def test_latex_compiles(run: Path, tmp_path: Path) -> None:
    tables = paper_formats.as_latex(paper.of(run)) + paper_formats.as_latex(hostile())
    text = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n" + tables + "\\end{document}\n"
    (tmp_path / "paper.tex").write_text(text)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout[-1500:]
    assert (tmp_path / "paper.pdf").exists()


def test_another_task_has_its_own_score_by_name(tmp_path: Path) -> None:
    logs.write_experiment(tmp_path / "r", {"baseline": []}, [0])
    head, *rest = logs.records({"audio": [0.5], "visual": [0.3]}, [0.9], task="multilabel")
    epoch = {**rest[-1], **{split: {"map": 0.25} for split in ("train", "validation", "test")}}
    logs.write_cell(tmp_path / "r", "baseline", 0, [head, *rest[:-1], epoch])
    found = paper.of(tmp_path / "r")
    assert found.score == "mAP"
    assert found.rows[0].score == estimate([0.25])
    assert found.rows[0].f1 is None
    assert "best validation mAP" in found.caption
