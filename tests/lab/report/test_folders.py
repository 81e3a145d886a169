from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from asgml.lab import report
from asgml.lab.errors import InputError
from asgml.lab.report import folders, records
from lab.report import logs

PROBES = {"audio": [0.5, 0.6], "visual": [0.3, 0.4]}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    logs.write_experiment(tmp_path / "r", {"baseline": [], "frequency_k2": [logs.FREQUENCY]}, [0, 1])
    return tmp_path / "r"


def reasons(run: Path) -> dict[str, dict[int, str]]:
    return {m.name: {cell.seed: cell.reason for cell in m.failed} for m in folders.read(run).methods}


def test_methods_come_in_the_experiments_order_then_the_unnamed(run: Path) -> None:
    for method in ("zeta", "alpha", "frequency_k2", "baseline"):
        logs.write_cell(run, method, 0, logs.records(PROBES, [0.5, 0.6]))
    (run / "plots").mkdir()
    assert [m.name for m in folders.read(run).methods] == ["baseline", "frequency_k2", "alpha", "zeta"]
    assert [m.entries for m in folders.read(run).methods] == [(), (logs.FREQUENCY,), (), ()]


def test_a_cell_without_result_or_folder_is_not_finished(run: Path) -> None:
    cell = logs.write_cell(run, "baseline", 0, logs.records(PROBES, [0.5, 0.6]))
    (cell / "result.json").unlink()
    logs.write_cell(run, "baseline", 1, logs.records(PROBES, [0.5, 0.6]))
    assert reasons(run) == {"baseline": {0: "not finished"}, "frequency_k2": {0: "not finished", 1: "not finished"}}


def test_a_failed_cell_keeps_its_reason(run: Path) -> None:
    logs.fail_cell(run, "baseline", 7, "killed | <by> the kernel")
    assert reasons(run)["baseline"] == {0: "not finished", 1: "not finished", 7: "killed | <by> the kernel"}


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("result.json", "{", "cannot be read"),
        ("result.json", '["finished"]', "cannot be read"),
        ("metrics.jsonl", '{"kind": "epoch"}\n', "cannot be read"),
        ("metrics.jsonl", "{}\nrubbish\n", "cannot be read"),
        ("metrics.jsonl", "", "holds no epoch"),
    ],
)
def test_a_broken_file_fails_its_cell_only(run: Path, name: str, text: str, reason: str) -> None:
    broken = logs.write_cell(run, "baseline", 0, logs.records(PROBES, [0.5, 0.6]))
    logs.write_cell(run, "baseline", 1, logs.records(PROBES, [0.5, 0.6]))
    (broken / name).write_text(text)
    found = report.write(run)["methods"]["baseline"]
    assert found["seeds"] == [1]
    assert reason in found["failed"][0]["reason"]


def test_a_line_cut_off_by_a_kill_is_left_out(run: Path) -> None:
    cell = logs.write_cell(run, "baseline", 0, logs.records(PROBES, [0.5, 0.6]))
    with (cell / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "epo')
    assert folders.read(run).methods[0].runs[0].series["test/accuracy"].values == (0.5, 0.6)


def test_an_epoch_logged_twice_counts_once(run: Path) -> None:
    lines = logs.records(PROBES, [0.5, 0.6])
    again = logs.records({m: [x / 2 for x in c] for m, c in PROBES.items()}, [0.1, 0.2])[-1:]
    logs.write_cell(run, "baseline", 0, [*lines, *again], best_epoch=2)
    assert folders.read(run).methods[0].runs[0].series["test/accuracy"].values == (0.5, 0.2)


def test_values_that_are_not_finite_are_left_out_and_said(run: Path) -> None:
    lines = logs.records(PROBES, [0.5, 0.6])
    lines[1]["grad_norm"]["audio"] = float("nan")
    lines[2]["grad_norm"]["audio"] = None
    logs.write_cell(run, "baseline", 0, lines)
    report.write(run)
    assert "2 of 8 values of train/grad_norm_audio are not finite and were left out" in (run / "analysis.md").read_text()
    assert "nan" not in (run / "analysis.md").read_text().lower()


def test_steps_and_epochs_keep_their_own_count(run: Path) -> None:
    logs.write_cell(run, "baseline", 0, logs.records(PROBES, [0.5, 0.6]))
    series = folders.read(run).methods[0].runs[0].series
    assert series["train/grad_norm_audio"].steps == tuple(range(8))
    assert series["test/probe_acc_audio"].steps == (1, 2)
    assert series[records.SECONDS].values == (3.0, 4.0)


def test_modalities_are_the_data_sets_even_if_every_method_is_solo(run: Path) -> None:
    logs.write_cell(run, "baseline", 0, logs.records({"visual": [0.3, 0.4]}, [0.5, 0.6]))
    study = folders.read(run)
    assert study.modalities == ("audio", "visual")
    assert study.solo(study.methods[0]) == "visual"


def test_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run: must be the folder of a run, found none at"):
        report.write(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"must hold experiment.json, found none"):
        report.write(tmp_path)
    (tmp_path / "experiment.json").write_text("{")
    with pytest.raises(InputError, match=r"experiment.json must be JSON"):
        report.write(tmp_path)


def test_epochs_that_were_never_logged_are_refused(run: Path) -> None:
    logs.write_cell(run, "baseline", 0, logs.records(PROBES, [0.5, 0.6]))
    with pytest.raises(InputError, match=r"epochs: must be logged epochs \(1 to 2\), found 3 and 9"):
        report.write(run, epochs=[1, 9, 3])
    assert not (run / "analysis.md").exists()


def test_files_go_where_they_are_sent(run: Path, tmp_path: Path) -> None:
    logs.write_cell(run, "baseline", 0, logs.records(PROBES, [0.5, 0.6]))
    before = sorted(path.name for path in run.rglob("*"))
    found = report.write(run, to=tmp_path / "deep" / "out")
    assert sorted(path.name for path in (tmp_path / "deep" / "out").iterdir()) == ["analysis.md", "report.html", "summary.json"]
    assert sorted(path.name for path in run.rglob("*")) == before
    assert json.loads((tmp_path / "deep" / "out" / "summary.json").read_text()) == found


def test_the_same_run_gives_the_same_bytes(run: Path, tmp_path: Path) -> None:
    logs.write_cell(run, "baseline", 0, logs.records(PROBES, [0.5, 0.6]))
    for name in ("one", "two"):
        report.write(run, to=tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_with_no_finished_cell_a_report_says_so(run: Path) -> None:
    found = report.write(run)
    text = (run / "analysis.md").read_text()
    assert "No cell has finished: this report holds no numbers." in text
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Overview", "## Test-set probe accuracies", "## Epoch-by-epoch trajectories", "## Per-modality learning dynamics",
        "## Gradient dynamics", "## What was really done", "## Performance", "## Interpretation",
        "## What to try next", "## Data sources",
    ]  # fmt: skip
    assert found["methods"]["baseline"] == {
        "n": 0,
        "seeds": [],
        "failed": [{"seed": s, "reason": "not finished"} for s in (0, 1)],
    }
    assert "<h2" in (run / "report.html").read_text()


def test_neither_torch_nor_matplotlib_is_imported_before_it_is_needed() -> None:
    code = "import sys, asgml.lab.report as r; print(sorted({'torch', 'matplotlib', 'tensorboard'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_writing_a_report_never_imports_torch(run: Path) -> None:
    logs.write_cell(run, "baseline", 0, logs.records(PROBES, [0.5, 0.6]))
    code = f"import sys, pathlib, asgml.lab.report as r; r.write(pathlib.Path({str(run)!r})); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
