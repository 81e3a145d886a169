"""The report's section on what `asgml diagnose` found."""

import json

import pytest

from asgml.lab import report, store
from lab.report import logs

NUMBERS = {
    "audio": {"solo": [0.85, 0.8, 0.9], "probe": [0.825, 0.78, 0.86], "left_behind": [0.025, -0.01, 0.06],
              "permuting": [0.617, 0.58, 0.65], "shapley": [0.4736, 0.43, 0.51]},
    "visual": {"probe": [0.5, 0.45, 0.55], "permuting": [-0.01, -0.02, 0.0], "shapley": [0.0125, 0.0, 0.02]},
}  # fmt: skip


def diagnosis(**changed):
    def estimate(value, low, high):
        return {"value": value, "low": low, "high": high}

    verdict = {"kind": "ignored", "sure": 0.975, "sentence": "the fusion ignores it", "advice": "train the fusion again"}
    return {
        "summary": "visual: ignored (accuracy 93.6 %).",
        "modalities": {m: {name: estimate(*values) for name, values in found.items()} for m, found in NUMBERS.items()},
        "right_together": {"audio+visual": 0.4, "audio": 0.425, "visual": 0.1, "none": 0.075},
        "verdicts": {"audio": verdict | {"kind": "balanced", "sure": None}, "visual": verdict},
        **changed,
    }


@pytest.fixture
def run(tmp_path):
    return logs.phase1(tmp_path / "run", seeds=(0, 1), epochs=3)


def test_there_is_no_section_where_nothing_was_diagnosed(run):
    report.write(run)
    assert "## Diagnosis" not in (run / "analysis.md").read_text()


def test_the_section_has_numbers_verdicts_and_a_figure_with_its_words(run):
    store.write_json(store.cell_folder(run, "frequency_k2", 1) / "diagnosis.json", diagnosis())
    report.write(run)
    text, page = (run / "analysis.md").read_text(), (run / "report.html").read_text()
    section = text[text.index("## Diagnosis") : text.index("## Interpretation")]
    assert "### frequency_k2, seed 1" in section
    rows = logs.table(section, "Modality", "Verdict")
    assert rows["Audio"]["Linear probe"] == r"82.50% \[78.0, 86.0\]"
    assert rows["Visual"]["Alone"] == "-"
    assert rows["Visual"]["Verdict"] == "ignored"
    assert "the fusion ignores it. The same verdict in 97.50% of resamples." in section
    assert "audio+visual 40.00%, audio 42.50%, visual 10.00%, none 7.50%" in section
    assert "visual probe 50.00%, Shapley value 1.25 points" in page, "the figure in words"
    assert 'id="diagnosis"' in page


def test_two_diagnoses_have_figures_of_their_own(run):
    for seed in (0, 1):
        store.write_json(store.cell_folder(run, "baseline", seed) / "diagnosis.json", diagnosis())
    report.write(run)
    page = (run / "report.html").read_text()
    assert "diagnosis0-" in page
    assert "diagnosis1-" in page


def test_numbers_without_intervals_and_without_shapley_values_are_shown_too(run):
    bare = {"audio": {"probe": {"value": 0.5, "low": None, "high": None}}}
    found = diagnosis(modalities=bare, verdicts={"audio": diagnosis()["verdicts"]["audio"]}, right_together={"audio": 1.0})
    (store.cell_folder(run, "baseline", 0) / "diagnosis.json").write_text(json.dumps(found))
    report.write(run)
    assert logs.table((run / "analysis.md").read_text(), "Modality", "Verdict")["Audio"]["Linear probe"] == "50.00%"


def test_what_makes_a_verdict_early_is_said_before_it(run):
    store.write_json(store.cell_folder(run, "baseline", 0) / "diagnosis.json", diagnosis(cautions=["30 updates"]))
    report.write(run)
    text = (run / "analysis.md").read_text()
    assert text.index("> **Attention.** 30 updates.") < text.index("visual: ignored (accuracy")
