"""The tables of the analysis, parsed back and recomputed from the records of the cells."""

from __future__ import annotations

import json
import re
import statistics as reference
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from asgml.lab import report
from lab.report import logs

Cells = dict[str, list[list[dict[str, Any]]]]
METHODS = ("baseline", "frequency_k2", "staleness_t2")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = logs.phase1(tmp_path_factory.mktemp("analysis") / "phase1")
    report.write(run)
    return run


@pytest.fixture(scope="module")
def text(run: Path) -> str:
    return (run / "analysis.md").read_text()


@pytest.fixture(scope="module")
def cells(run: Path) -> Cells:
    """Method -> seed -> records of kind `epoch`."""
    read = {m: [(run / m / f"seed{s}" / "metrics.jsonl").read_text().splitlines() for s in (0, 1, 2)]
            for m in (*METHODS, "audio_alone", "visual_alone")}  # fmt: skip
    return {m: [[json.loads(line) for line in seed] for seed in seeds] for m, seeds in read.items()}


def of(records: list[dict[str, Any]], take: Callable[[dict[str, Any]], float], kind: str = "epoch") -> list[float]:
    return [take(r) for r in records if r["kind"] == kind]


def shares(values: list[float]) -> str:
    return f"{100 * reference.mean(values):.2f}% ± {100 * reference.stdev(values):.2f}"


def probe(m: str) -> Callable[[dict[str, Any]], float]:
    return lambda r: r["test"]["probe_acc"][m]  # type: ignore[no-any-return]


def gap(r: dict[str, Any]) -> float:
    return float(r["test"]["probe_acc"]["audio"] - r["test"]["probe_acc"]["visual"])


def paired(a: list[float], b: list[float]) -> str:
    found = stats.ttest_rel(a, b).confidence_interval(0.95)
    return f"{100 * found.low:+.2f} to {100 * found.high:+.2f} points"


def test_averages(text: str, cells: Cells) -> None:
    rows = logs.table(text, "Average gap", "Interpretation")
    base = [reference.mean(of(c, gap)) for c in cells["baseline"]]
    for method in METHODS:
        gaps = [reference.mean(of(c, gap)) for c in cells[method]]
        row = rows[method]
        for m in ("audio", "visual"):
            assert row[f"{m.title()} probe (avg)"] == shares([reference.mean(of(c, probe(m))) for c in cells[method]])
        assert row["Average gap"] == f"{100 * reference.mean(gaps):.2f} ± {100 * reference.stdev(gaps):.2f} points"
        if method != "baseline":
            change = reference.mean(gaps) - reference.mean(base)
            assert row["Change of gap"] == f"{100 * change:+.2f} points"
            assert row["Change in %"] == f"{100 * change / reference.mean(base):+.1f}%"
            assert row["95% interval (paired)"] == paired(gaps, base)
    assert rows["audio_alone"]["Visual probe (avg)"] == rows["audio_alone"]["Average gap"] == "–"
    assert rows["audio_alone"]["Interpretation"] == "control: audio alone"


def test_who_leads_and_what_moved(text: str, cells: Cells) -> None:
    rows = logs.table(text, "Leads", "Leads in")
    means = {
        m: {k: reference.mean(reference.mean(of(c, probe(k))) for c in cells[m]) for k in ("audio", "visual")} for m in METHODS
    }
    for method in METHODS:
        assert rows[method]["Leads"] == "audio over visual"
        assert rows[method]["Leads in"] == "100.00%"
        signed = means[method]["audio"] - means[method]["visual"]
        assert rows[method]["Signed gap (audio - visual)"] == f"{100 * signed:+.2f} points"
    fall, rise = (means["frequency_k2"][m] - means["baseline"][m] for m in ("audio", "visual"))
    assert rows["frequency_k2"]["Leader's fall"] == f"{-100 * fall:+.2f} points"
    assert rows["frequency_k2"]["Laggard's rise"] == f"{100 * rise:+.2f} points"


def test_a_shared_lead_is_counted_over_seeds_and_epochs(tmp_path: Path) -> None:
    logs.write_experiment(tmp_path, {"baseline": []}, [0, 1])
    for seed, audio in ((0, [0.5, 0.5]), (1, [0.5, 0.2])):
        logs.write_cell(tmp_path, "baseline", seed, logs.records({"audio": audio, "visual": [0.3, 0.3]}, [0.5, 0.5]))
    report.write(tmp_path)
    row = logs.table((tmp_path / "analysis.md").read_text(), "Leads")["baseline"]
    assert (row["Leads"], row["Leads in"]) == ("audio over visual", "75.00%")
    assert row["Signed gap (audio - visual)"] == "+12.50 points"


def test_noise_floor(text: str, cells: Cells) -> None:
    rows = logs.table(text, "Expected by chance")
    for method in METHODS:
        p = reference.mean(reference.mean(of(c, probe(m))) for m in ("audio", "visual") for c in cells[method])
        spread = (2 * p * (1 - p) / 400) ** 0.5
        assert rows[method]["Expected by chance"] == f"{100 * spread * (2 / 3.141592653589793) ** 0.5:.2f} points"
        assert rows[method]["95% bound of chance"] == f"{196 * spread:.2f} points"
        assert rows[method]["Gap lies"] == "above"
    assert "N = 400 test samples" in text


def test_trajectories(text: str, cells: Cells) -> None:
    block = text.split("### staleness_t2")[1].split("```")[1].strip().splitlines()
    assert [line.split()[0] for line in block] == ["Epoch", "1", "5", "9", "13"]
    for line in block[1:]:
        epoch, audio, visual, shown = line.split()[:4]
        rows = [[r for r in c if r["kind"] == "epoch"][int(epoch) - 1] for c in cells["staleness_t2"]]
        means = [reference.mean(probe(m)(r) for r in rows) for m in ("audio", "visual")]
        assert [audio, visual] == [f"{100 * x:.2f}%" for x in means]
        assert shown == f"{100 * reference.mean(gap(r) for r in rows):.2f}"


def test_columns_of_the_code_blocks_stand_under_each_other(text: str) -> None:
    head, *rows = text.split("### baseline")[1].split("```")[1].strip("\n").splitlines()
    for word in ("Epoch", "Audio probe", "Visual probe", "Gap"):
        at = head.index(word)
        assert all(row[at] != " " and (at == 0 or row[at - 1] == " ") for row in rows)


def test_dynamics(text: str, cells: Cells) -> None:
    audio, visual = (t for t in logs.tables(text) if "Lowest probe" in t[0])
    for modality, table in (("audio", audio), ("visual", visual)):
        assert [row[0] for row in table[1:]] == [*METHODS, f"{modality}_alone"]
        for method, n, *shown in table[1:]:
            curves = [of(c, probe(modality)) for c in cells[method]]
            assert [n, *shown] == ["3", *(shares([take(c) for c in curves]) for take in (min, max, lambda c: c[-1]))]


def test_gradients(text: str, cells: Cells) -> None:
    row = logs.table(text, "Audio gradient norm")["staleness_t2"]
    late = {m: [reference.mean(of(c, lambda r, m=m: r["grad_norm"][m], "step")[-13:]) for c in cells["staleness_t2"]]
            for m in ("audio", "visual")}  # fmt: skip
    total = [reference.mean(of(c, lambda r: r["total_norm"], "step")[-13:]) for c in cells["staleness_t2"]]
    losses = [of(c, lambda r: r["train"]["loss"])[-1] for c in cells["staleness_t2"]]
    assert row["Audio gradient norm"] == f"{reference.mean(late['audio']):.1f} ± {reference.stdev(late['audio']):.1f}"
    assert row["Ratio (audio / visual)"] == f"{reference.mean(late['audio']) / reference.mean(late['visual']):.2f}"
    assert row["Total norm"] == f"{reference.mean(total):.1f} ± {reference.stdev(total):.1f}"
    assert row["Final train loss"] == f"{reference.mean(losses):.4f} ± {reference.stdev(losses):.4f}"
    assert "unscaled gradients" in text


def test_performance(text: str, cells: Cells) -> None:
    rows = logs.table(text, "Accuracy, last epoch")
    assert set(rows) == set(cells)
    for method, seeds in cells.items():
        for score, key in (("Accuracy", "accuracy"), ("Macro F1", "f1_macro")):
            curves = [of(c, lambda r, key=key: r["test"][key]) for c in seeds]
            assert rows[method][f"{score}, epoch chosen on validation"] == shares([c[11] for c in curves])
            assert rows[method][f"{score}, last epoch"] == shares([c[-1] for c in curves])
            assert rows[method][f"{score}, best on test (published protocol, optimistic)"] == shares([max(c) for c in curves])


def test_differences_are_paired_and_say_what_n_can_show(text: str) -> None:
    table = next(t for t in logs.tables(text) if "Pairs" in t[0])
    shown = {(row[0], row[1]): row[2:] for row in table[1:]}
    assert shown["frequency_k2", "Accuracy, epoch chosen on validation"] == ["-1.50 points", "-1.50 to -1.50 points", "3"]
    assert shown["staleness_t2", "Macro F1, last epoch"] == ["+2.00 points", "+2.00 to +2.00 points", "3"]
    assert (
        "With n = 3 an exact two-sided sign-flip test cannot go below p = 0.25 and so can show no significance at 0.05." in text
    )


def test_costs(text: str) -> None:
    rows = logs.table(text, "Skipped (audio)")
    assert [rows[m]["Skipped (audio)"] for m in METHODS] == ["0.00% ± 0.00", "50.00% ± 0.00", "0.00% ± 0.00"]
    assert rows["visual_alone"]["Skipped (audio)"] == "–"
    assert logs.table(text, "Seconds per epoch")["baseline"]["Seconds per epoch"] == "9.000 ± 0.000"


def test_overview_names_data_split_sizes_loss_settings_and_versions(text: str) -> None:
    overview = text.split("## Overview")[1].split("## Test-set")[0]
    for said in ("`keypad`", "Split by image, paired at random.", "800 train, 100 validation and 400 test", "gamma = 0",
                 "one of every 2 updates of the encoder of audio is skipped (50.00%)", "torch 2.13.0", "12,345",
                 "| `train.batch_size` | 64 |", "the gradient computed 2 updates ago", "a model of visual only"):  # fmt: skip
        assert said in overview


def test_sections_stand_in_the_documents_order(text: str) -> None:
    assert re.findall("^## (.*)$", text, re.MULTILINE) == [
        "Leaderboard", "Overview", "Test-set probe accuracies", "Epoch-by-epoch trajectories",
        "Per-modality learning dynamics", "Gradient dynamics", "What was really done", "Performance", "Interpretation",
        "What to try next", "Data sources",
    ]  # fmt: skip


def test_one_seed_says_that_there_is_no_interval(tmp_path: Path) -> None:
    report.write(logs.phase1(tmp_path / "r", seeds=[0], epochs=6))
    for name in ("analysis.md", "report.html"):
        text = (tmp_path / "r" / name).read_text()
        assert re.search(r"(?i)\bnan\b|\binf\b", text) is None
        assert "With one seed there is no spread and no interval." in text
        assert "One pair gives no interval." in text
        assert "no claim from one seed" in text
    assert "±" not in (tmp_path / "r" / "analysis.md").read_text()


def test_failed_cells_stand_near_the_top_and_in_the_sources(run: Path, tmp_path: Path) -> None:
    logs.phase1(tmp_path / "r", epochs=4)
    logs.fail_cell(tmp_path / "r", "frequency_k2", 7, "loss is not finite | update 3")
    report.write(tmp_path / "r")
    text = (tmp_path / "r" / "analysis.md").read_text()
    assert text.index("Incomplete: 1 of 16 cells has no result (frequency_k2 seed 7)") < text.index("## Overview")
    assert "| `frequency_k2` | 7 | loss is not finite \\| update 3 |" in text
    assert "Incomplete" not in (run / "analysis.md").read_text()


def test_seeds_that_only_some_methods_have_are_paired_by_seed(tmp_path: Path) -> None:
    logs.write_experiment(tmp_path, {"baseline": [], "other": []}, [0, 1])
    for method, seed, base in (("baseline", 0, 0.5), ("baseline", 1, 0.7), ("other", 1, 0.8)):
        logs.write_cell(tmp_path, method, seed, logs.records({"audio": [base], "visual": [0.3]}, [base]))
    report.write(tmp_path)
    table = next(t for t in logs.tables((tmp_path / "analysis.md").read_text()) if "Pairs" in t[0])
    assert table[1][2:] == ["+10.00 points", "none (one seed)", "1"]


@pytest.mark.parametrize(
    ("slopes", "said"),
    [((0.010, 0.011, 0.012), "gap rises"), ((-0.010, -0.011, -0.012), "gap falls"), ((0.01, -0.01, 0.012), "no clear trend")],
)
def test_the_pattern_claims_a_trend_only_where_the_interval_excludes_zero(slopes: tuple[float, ...], said: str) -> None:
    from asgml.lab.report.sections import trajectories

    runs = {seed: {"audio": [0.5 + s * e for e in range(6)], "visual": [0.3] * 6} for seed, s in enumerate(slopes)}
    (method,) = logs.study({"m": runs}).methods
    words = "".join(p if isinstance(p, str) else p.text for p in trajectories.pattern(method))
    assert f"Pattern: {said} (slope {100 * reference.mean(slopes):+.2f} points per epoch" in words
