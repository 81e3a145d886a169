from __future__ import annotations

import json
import statistics as reference
from pathlib import Path
from typing import Any

import pytest

from asgml.lab import report
from asgml.lab.report import summary
from lab.report import logs

KEYS = {
    "n", "seeds", "failed", "test_accuracy", "test_f1_macro", "test_accuracy_final", "train_minus_test_accuracy",
    "probe_acc", "utilization_gap",
    "grad_norm_late", "skipped_share",
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = logs.phase1(tmp_path_factory.mktemp("summary") / "phase1", epochs=6)
    logs.fail_cell(run, "frequency_k2", 7, "out of memory")
    report.write(run)
    return run


@pytest.fixture(scope="module")
def found(run: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(
        (run / "summary.json").read_text(), parse_constant=lambda c: pytest.fail(f"{c} in summary.json")
    )
    return loaded


def epochs(run: Path, method: str, seed: int) -> list[dict[str, Any]]:
    lines = (run / method / f"seed{seed}" / "metrics.jsonl").read_text().splitlines()
    return [record for record in map(json.loads, lines) if record["kind"] == "epoch"]


def stat(values: list[float]) -> dict[str, Any]:
    return {"mean": pytest.approx(reference.mean(values), abs=1e-12), "sd": pytest.approx(reference.stdev(values), abs=1e-12)}


def test_head(found: dict[str, Any]) -> None:
    assert {k: found[k] for k in ("schema", "experiment", "dataset")} == {
        "schema": 1,
        "experiment": "phase1",
        "dataset": "keypad",
    }
    assert list(found["methods"]) == ["baseline", "frequency_k2", "staleness_t2", "audio_alone", "visual_alone"]


def test_keys_of_a_joint_method_and_of_a_control(found: dict[str, Any]) -> None:
    assert set(found["methods"]["frequency_k2"]) == KEYS
    solo = found["methods"]["audio_alone"]
    assert set(solo) == KEYS - {"utilization_gap"}
    assert (set(solo["probe_acc"]), set(solo["grad_norm_late"]), set(solo["skipped_share"])) == (
        {"audio"},
        {"audio"},
        {"audio"},
    )


def test_failed_cells(found: dict[str, Any]) -> None:
    assert found["methods"]["frequency_k2"]["failed"] == [{"seed": 7, "reason": "out of memory"}]
    assert (found["methods"]["frequency_k2"]["n"], found["methods"]["frequency_k2"]["seeds"]) == (3, [0, 1, 2])
    assert found["methods"]["baseline"]["failed"] == []


@pytest.mark.parametrize("method", ["baseline", "frequency_k2", "staleness_t2"])
def test_every_number_recomputes_from_the_records(run: Path, found: dict[str, Any], method: str) -> None:
    cells, shown = [epochs(run, method, seed) for seed in (0, 1, 2)], found["methods"][method]
    for m in ("audio", "visual"):
        probes = [[e["test"]["probe_acc"][m] for e in cell] for cell in cells]
        assert shown["probe_acc"][m] == {
            "avg": stat([reference.mean(p) for p in probes]), "min": stat([min(p) for p in probes]),
            "max": stat([max(p) for p in probes]), "final": stat([p[-1] for p in probes]),
        }  # fmt: skip
        assert shown["skipped_share"][m] == stat([reference.mean(e["skipped_share"][m] for e in cell) for cell in cells])
    gaps = [[e["test"]["utilization_gap"] for e in cell] for cell in cells]
    assert shown["utilization_gap"]["avg"] == stat([reference.mean(g) for g in gaps])
    assert shown["utilization_gap"]["final"] == stat([g[-1] for g in gaps])
    assert shown["test_accuracy"] == stat([cell[4]["test"]["accuracy"] for cell in cells])
    assert shown["test_f1_macro"] == stat([cell[4]["test"]["f1_macro"] for cell in cells])
    assert shown["test_accuracy_final"] == stat([cell[-1]["test"]["accuracy"] for cell in cells])


def test_the_change_is_relative_to_the_baselines_mean_gap(found: dict[str, Any]) -> None:
    gaps = {m: found["methods"][m]["utilization_gap"] for m in ("baseline", "frequency_k2")}
    base, own = (gaps[m]["avg"]["mean"] for m in gaps)
    assert gaps["baseline"]["change_vs_baseline"] == 0.0
    assert gaps["frequency_k2"]["change_vs_baseline"] == pytest.approx((own - base) / base)


def test_late_norms_are_the_last_quarter_of_the_points_rounded_up(found: dict[str, Any]) -> None:
    late = found["methods"]["baseline"]["grad_norm_late"]
    steps = range(18, 24)  # the last ceil(24 / 4) of 24 updates
    assert late["audio"] == stat([100.0 + seed + reference.mean(steps) for seed in (0, 1, 2)])
    assert late["ratio"] == pytest.approx((101 + 20.5) / (400 + 20.5))
    skipped = found["methods"]["frequency_k2"]["grad_norm_late"]["audio"]  # logged at 0, 2, ..., 22: the last 3 of 12
    assert skipped["mean"] == pytest.approx(101 + 20)


def test_one_seed_has_no_sd(tmp_path: Path) -> None:
    found = report.write(logs.phase1(tmp_path / "r", seeds=[4], epochs=4))
    spreads = [v for k, v in walk(found) if k == "sd"]
    assert set(spreads) == {None}
    assert found["methods"]["baseline"]["seeds"] == [4]


def test_without_a_baseline_there_is_no_change(tmp_path: Path) -> None:
    logs.write_experiment(tmp_path, {"plain": []}, [0])
    logs.write_cell(tmp_path, "plain", 0, logs.records({"audio": [0.5], "visual": [0.3]}, [0.5]))
    found = report.write(tmp_path)
    assert set(found["methods"]["plain"]["utilization_gap"]) == {"avg", "final"}
    text = (tmp_path / "analysis.md").read_text()
    assert "There is no method named baseline" in text
    assert "Change of gap" not in text


def test_three_modalities_have_a_gap_and_no_ratio(tmp_path: Path) -> None:
    probes = {"audio": [0.5, 0.7], "visual": [0.3, 0.4], "text": [0.9, 0.2]}
    logs.write_experiment(tmp_path, {"baseline": []}, [0])
    logs.write_cell(tmp_path, "baseline", 0, logs.records(probes, [0.5, 0.6], dataset_modalities=list(probes)))
    found = report.write(tmp_path)["methods"]["baseline"]
    assert found["utilization_gap"]["avg"]["mean"] == pytest.approx((0.6 + 0.5) / 2)
    assert set(found["grad_norm_late"]) == {"audio", "visual", "text"}
    row = logs.table((tmp_path / "analysis.md").read_text(), "Leads")["baseline"]
    assert row["Leads"] == "audio over visual"
    assert not any("Signed gap" in column for column in row)


def test_the_chosen_epoch_is_not_the_last(tmp_path: Path) -> None:
    logs.write_experiment(tmp_path, {"baseline": []}, [0])
    logs.write_cell(tmp_path, "baseline", 0, logs.records({"audio": [0.5] * 3}, [0.7, 0.9, 0.8]), best_epoch=1)
    found = report.write(tmp_path)["methods"]["baseline"]
    assert (found["test_accuracy"]["mean"], found["test_accuracy_final"]["mean"]) == (0.7, 0.8)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (None, None),
        ({"dataset": {"name": "keypad"}}, "keypad"),
        ({"dataset": {"import": "a.b:c", "x": 1}}, "a.b:c"),
        ({}, None),
    ],
)
def test_name_of_the_data_set(settings: dict[str, Any] | None, expected: str | None) -> None:
    study = logs.study({"a": {0: {"audio": [0.5]}}})
    assert summary.dataset_name(type(study)(study.name, study.source, study.methods, study.modalities, settings)) == expected


def walk(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in [(key, inner), *walk(inner)]]
    return [pair for inner in value for pair in walk(inner)] if isinstance(value, list) else []
