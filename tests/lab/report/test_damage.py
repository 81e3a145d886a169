"""What is lost, altered or of another kind in a run's folder is named, and gives no number."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asgml.lab import report, seal
from asgml.lab.config import address
from asgml.lab.errors import InputError
from asgml.lab.report import compare, damage, folders, paper
from asgml.lab.report.model import Failure, Run
from lab.report import logs

PROBES = {"audio": [0.5, 0.6, 0.7], "visual": [0.3, 0.4, 0.5]}
ACCURACY = [0.5, 0.6, 0.55]
TRAIN = {"epochs": 3, "batch_size": 64, "lr": 0.05, "unimodal_loss": 0.0}
CONFIG = {"version": 1, "dataset": {"name": "keypad", "snr_db": -10.0}, "model": {"fusion": "concat"}, "train": TRAIN}


def write(run: Path, method: str, seed: int) -> Path:
    """A cell as `asgml run` leaves it."""
    lines = logs.records(PROBES, ACCURACY)
    epoch = {"steps": logs.STEPS, "updates": {"audio": 4, "visual": 4}, "flops": 1e9}
    lines = [line | epoch if line["kind"] == "epoch" else line for line in lines]
    cell = logs.write_cell(run, method, seed, lines, best_epoch=2)
    config = CONFIG | {"method": method, "entries": [], "seed": seed}
    result = {"status": "finished", "best_epoch": 2, "epochs": 3, "validation_accuracy": 0.6, "config": address.of(config)}
    (cell / "config.json").write_text(json.dumps(config))
    (cell / "result.json").write_text(json.dumps(result))
    save(cell, 100, 400)
    return cell


def save(cell: Path, validation: int, test: int) -> None:
    sizes = {"validation": validation, "test": test}
    arrays = {f"{s}_{name}": np.random.default_rng(0).random(n) for s, n in sizes.items() for name in damage.KEPT}
    np.savez_compressed(cell / "predictions.npz", **arrays)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    logs.write_experiment(tmp_path / "r", {"baseline": [], "m": []}, [0], train=TRAIN)
    for method in ("baseline", "m"):
        write(tmp_path / "r", method, 0)
    return tmp_path / "r"


@pytest.fixture
def cell(run: Path) -> Path:
    return run / "baseline/seed0"


Edit = Callable[[list[dict[str, Any]]], None]


def change(cell: Path, edit: Edit) -> None:
    path = cell / "metrics.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    edit(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def put(path: str, value: Any, at: int = -1) -> Edit:
    """Set a dotted path of a record; -1 is the last epoch, 0 the header, 1 the first update."""

    def edit(lines: list[dict[str, Any]]) -> None:
        *parents, key = path.split(".")
        found = lines[at]
        for parent in parents:
            found = found[parent]
        found[key] = value

    return edit


def keep_first(lines: list[dict[str, Any]]) -> None:
    del lines[2 + logs.STEPS :]


def drop(kind: str, at: int) -> Edit:
    def edit(lines: list[dict[str, Any]]) -> None:
        lines.remove([line for line in lines if line["kind"] == kind][at])

    return edit


def reason(run: Path) -> str:
    study = folders.read(run)
    baseline = study.methods[0]
    assert not baseline.runs
    assert baseline.failed[0].damaged
    assert len(study.methods[1].runs) == 1
    return baseline.failed[0].reason


def test_a_whole_cell_is_read(run: Path) -> None:
    study = folders.read(run)
    assert [len(m.runs) for m in study.methods] == [1, 1]
    assert not study.notes + study.runs[0].notes


LOGS: dict[str, tuple[Edit, str]] = {
    "the last epoch is lost": (drop("epoch", -1), "holds 2 of 3 epochs"),
    "an epoch in the middle is lost": (drop("epoch", 1), "holds 2 of 3 epochs"),
    "all epochs but the first are lost": (keep_first, "holds 1 of 3 epochs"),
    "an update is lost": (drop("step", 5), "holds 11 of 12 updates"),
    "the last update is lost": (drop("step", -1), "holds 11 of 12 updates"),
    "the header is lost": (drop("header", 0), "modalities: field required"),
    "an epoch lost its test scores": (lambda lines: lines[-1].pop("test"), "at 2 of 3 epochs"),
    "an epoch lost a probe": (lambda lines: lines[-1]["test"]["probe_acc"].pop("visual"), "at 2 of 3 epochs"),
    "an accuracy of 7": (put("test.accuracy", 7.0), "holds 7 for test/accuracy at 3, which must be from 0 to 1"),
    "an accuracy below 0": (put("test.accuracy", -0.1), "which must be from 0 to 1"),
    "a probe above 1": (put("test.probe_acc.audio", 1.5), "which must be from 0 to 1"),
    "a gap above 1": (put("test.utilization_gap", 1.5), "which must be from 0 to 1"),
    "a share of skipped updates above 1": (put("skipped_share.audio", 2.0), "which must be from 0 to 1"),
    "updates below 0": (put("updates.audio", -4), "must be not below 0"),
    "operations below 0": (put("flops", -1e9), "must be not below 0"),
    "seconds below 0": (put("seconds", -1.0), "must be not below 0"),
    "a norm below 0": (put("grad_norm.audio", -1.0, 1), "must be not below 0"),
    "a loss beyond all numbers": (put("train.loss", 1e300), "so large"),
    "a whole number beyond all": (put("test.loss", 10**400), "cannot be read"),
    "an accuracy that is text": (put("test.accuracy", "0.5"), "cannot be read"),
    "an accuracy that is true": (put("test.accuracy", True), "cannot be read"),
    "an accuracy that is a list": (put("test.accuracy", [0.5]), "cannot be read"),
    "a norm that is text": (put("grad_norm.audio", "1.0", 1), "cannot be read"),
    "norms that are a list": (put("grad_norm", [1.0], 1), "cannot be read"),
    "a split that is a number": (put("test", 3), "cannot be read"),
    "an epoch that is text": (put("epoch", "3"), "cannot be read"),
    "epoch 0": (put("epoch", 0), "cannot be read"),
    "an update that is a fraction": (put("step", 1.5, 1), "cannot be read"),
    "modalities that are text": (put("modalities", "audio", 0), "cannot be read"),
    "sizes that are a list": (put("sizes", [1], 0), "cannot be read"),
    "a size below 0": (put("sizes.test", -1, 0), "cannot be read"),
    "classes that are a number": (put("classes", 3, 0), "cannot be read"),
    "an unknown task": (put("task", "x", 0), "cannot be read"),
    "a note that is an object": (put("note", {}, 0), "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOGS)
def test_a_damaged_log_is_named_and_its_cell_left_out(run: Path, cell: Path, name: str) -> None:
    edit, words = LOGS[name]
    change(cell, edit)
    assert words in reason(run)
    assert reason(run).startswith("damaged: metrics.jsonl ")
    assert reason(run).endswith("; remove the folder baseline/seed0 and run again")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\0" * 400, "holds no epoch"),
        (b"\0" * 400 + b"\n", "cannot be read"),
        (b"[1]\n", "cannot be read"),
        (b"3\n", "cannot be read"),
        (b"\xff\xfe\n", "cannot be read"),
        (b"[" * 100_000 + b"\n", "cannot be read"),
        (b"", "holds no epoch"),
        (b"{}\n", "cannot be read"),
    ],
)
def test_a_log_that_is_none_is_damaged(run: Path, cell: Path, content: bytes, words: str) -> None:
    (cell / "metrics.jsonl").write_bytes(content)
    assert words in reason(run)


def test_a_log_that_is_gone_is_called_missing(run: Path, cell: Path) -> None:
    (cell / "metrics.jsonl").unlink()
    assert reason(run).startswith("damaged: metrics.jsonl is missing")


RESULTS: dict[str, tuple[dict[str, Any], str]] = {
    "a chosen epoch beyond the end": ({"best_epoch": 9}, "names epoch 9 as chosen, but metrics.jsonl holds 3"),
    "epoch 0": ({"best_epoch": 0}, "result.json cannot be read"),
    "a chosen epoch that is text": ({"best_epoch": "2"}, "result.json cannot be read"),
    "a chosen epoch that is true": ({"best_epoch": True}, "result.json cannot be read"),
    "a chosen epoch that is huge": ({"best_epoch": 10**400}, "result.json cannot be read"),
    "more epochs than were logged": ({"epochs": 4}, "holds 3 of 4 epochs"),
    "fewer epochs than were logged": ({"epochs": 2}, "holds 3 of 2 epochs"),
    "billions of epochs": ({"epochs": 10**12}, "result.json cannot be read"),
    "another validation score": ({"validation_accuracy": 0.9}, "names 0.9 as the validation score of epoch 2"),
    "a score that is text": ({"validation_accuracy": "x"}, "names x as the validation score"),
    "another config's address": ({"config": "0" * 16}, "config.json is another one than result.json is of"),
    "an address that is a number": ({"config": 3}, "result.json cannot be read"),
    "a status that is a list": ({"status": []}, "result.json cannot be read"),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_that_does_not_fit_its_log_is_damaged(run: Path, cell: Path, name: str) -> None:
    changed, words = RESULTS[name]
    result = json.loads((cell / "result.json").read_text())
    (cell / "result.json").write_text(json.dumps(result | changed))
    assert words in reason(run)


@pytest.mark.parametrize("text", ['"x"', "[]", "3", "true", "null", "", "{", "\0\0", "[" * 100_000])
@pytest.mark.parametrize("name", ["result.json", "config.json"])
def test_a_record_of_another_type_is_damaged(run: Path, cell: Path, name: str, text: str) -> None:
    (cell / name).write_text(text)
    assert f"damaged: {name} cannot be read" in reason(run)


@pytest.mark.parametrize("name", ["result.json", "config.json", "metrics.jsonl", "predictions.npz"])
def test_a_folder_in_a_files_place_is_damage(run: Path, cell: Path, name: str) -> None:
    (cell / name).unlink()
    (cell / name).mkdir()
    assert f"damaged: {name} cannot be read (" in reason(run)


def config(cell: Path, **changed: Any) -> None:
    """Another config, whose address the result bears."""
    found = json.loads((cell / "config.json").read_text()) | changed
    (cell / "config.json").write_text(json.dumps(found))
    result = json.loads((cell / "result.json").read_text()) | {"config": address.of(found)}
    (cell / "result.json").write_text(json.dumps(result))


def test_a_cell_of_another_folder_is_damaged(run: Path, cell: Path) -> None:
    for own in ("config.json", "result.json"):
        (cell / own).write_bytes((run / "m/seed0" / own).read_bytes())
    assert "config.json is that of m seed 0: this is the folder of another cell" in reason(run)


def test_a_cell_of_another_experiment_is_damaged(run: Path, cell: Path) -> None:
    config(cell, dataset={"name": "keypad", "snr_db": 3.0})
    assert "its dataset.snr_db is not that of experiment.json" in reason(run)


def test_settings_that_were_tuned_may_differ(run: Path, cell: Path) -> None:
    settings = json.loads((run / "experiment.json").read_text()) | {"tune": {"over": {"train.lr": [0.05, 0.1]}}}
    (run / "experiment.json").write_text(json.dumps(settings))
    config(cell, train=TRAIN | {"lr": 0.1})
    study = folders.read(run)
    assert study.baseline is not None
    assert study.notes == ("tuning.json is missing: what was tuned is not shown, asgml run writes it again",)


def test_a_config_that_is_gone_is_missing(run: Path, cell: Path) -> None:
    (cell / "config.json").unlink()
    assert "damaged: config.json is missing" in reason(run)


def test_half_of_the_predictions_are_damage(run: Path, cell: Path) -> None:
    save(cell, 100, 200)
    assert "predictions.npz holds 200 of 400 test samples" in reason(run)
    whole = (run / "m/seed0/predictions.npz").read_bytes()
    (cell / "predictions.npz").write_bytes(whole[: len(whole) // 2])
    assert "damaged: predictions.npz cannot be read" in reason(run)
    bent = bytearray(whole)
    bent[len(whole) // 2] ^= 1
    (cell / "predictions.npz").write_bytes(bent)
    assert "damaged: predictions.npz cannot be read" in reason(run)
    (cell / "predictions.npz").write_bytes(b"rubbish")
    assert "damaged: predictions.npz cannot be read" in reason(run)


DIAGNOSES = ["[1]", '"x"', "{}", '{"summary": 3}', "\0", json.dumps({"summary": "s", "modalities": {"audio": {}},
             "right_together": {}, "verdicts": {}})]  # fmt: skip


@pytest.mark.parametrize("text", DIAGNOSES)
def test_a_damaged_diagnosis_is_left_out_alone(run: Path, cell: Path, text: str) -> None:
    (cell / "diagnosis.json").write_text(text)
    found = folders.read(run).runs[0]
    assert found.diagnosis is None
    assert found.notes[0].startswith("damaged: diagnosis.json ")


@pytest.mark.parametrize(
    "value", [[1], "x", {}, {"over": 3}, {"over": {"a": []}, "trials": 1, "seeds": [], "methods": {}}, {"methods": []}]
)
def test_a_damaged_tuning_is_said(run: Path, value: Any) -> None:
    (run / "tuning.json").write_text(json.dumps(value))
    study = folders.read(run)
    assert study.tuning is None
    assert study.notes[0].startswith("Damaged: tuning.json cannot be read")
    assert len(study.runs) == 2


@pytest.mark.parametrize(
    "value",
    [[], "x", 3, None, {"methods": []}, {"methods": {"../x": []}}, {"methods": {"m": 3}}, {"seeds": ["0"]}, {"seeds": 3},
     {"train": {"unimodal_loss": "x"}}, {"name": []}, {"primary": [3]}, {"dataset": "x"},
     {"methods": {"m": [{"kind": "frequency", "k": 0}]}}, {"methods": {"m": [3]}}],
)  # fmt: skip
def test_an_experiment_of_another_type_is_refused_in_words(run: Path, value: Any) -> None:
    (run / "experiment.json").write_text(json.dumps(value))
    with pytest.raises(InputError, match=r"experiment\.json is damaged: .*; restore it, or run the experiment again"):
        folders.read(run)


def test_a_folder_in_the_place_of_the_experiment_is_refused(run: Path) -> None:
    (run / "experiment.json").unlink()
    (run / "experiment.json").mkdir()
    with pytest.raises(InputError, match="Is a directory"):
        folders.read(run)


def test_a_pipe_in_the_place_of_the_experiment_is_not_waited_for(run: Path) -> None:
    (run / "experiment.json").unlink()
    os.mkfifo(run / "experiment.json")
    with pytest.raises(InputError, match=r"experiment\.json must be JSON, found must be a file, found a named pipe"):
        folders.read(run)


def test_the_head_of_the_report_says_it_first(run: Path, cell: Path) -> None:
    change(cell, drop("epoch", -1))
    found = report.write(run)
    text = (run / "analysis.md").read_text()
    said = text.index("baseline seed 0 is left out, damaged: metrics.jsonl holds 2 of 3 epochs; remove the folder")
    assert said < text.index("## ")
    assert found["methods"]["baseline"]["n"] == 0
    assert "test_accuracy" not in found["methods"]["baseline"]


def test_comparison_and_paper_leave_it_out_and_say_so(run: Path, cell: Path) -> None:
    change(cell, put("test.accuracy", 7.0))
    text = compare.text([run, run])
    assert "baseline seed 0 is left out, damaged: metrics.jsonl holds 7 for test/accuracy" in text
    assert "700" not in text
    assert [row.method for row in paper.of(run).rows] == ["m"]
    assert "baseline seed 0" in paper.of(run).left_out[0]


def test_no_number_is_infinite(run: Path, cell: Path) -> None:
    change(cell, lambda lines: lines[-1]["train"].update(loss=math.inf))
    study = folders.read(run)
    assert "1 of 3 values of train/loss are not finite and were left out" in study.runs[0].notes


@pytest.mark.parametrize("how", ["another cell's", "an emptied field", "no seal that can be read"])
def test_a_log_is_compared_with_its_checksum(run: Path, cell: Path, how: str) -> None:
    """Logs that pass every other check: only the bytes tell."""
    log = cell / "metrics.jsonl"
    seal.write(log)
    assert isinstance(folders.cell(run, "baseline", 0, {}), Run)
    if how == "another cell's":
        log.write_text("\n".join(map(json.dumps, json_lines(log)[:1] + json_lines(run / "m/seed0/metrics.jsonl")[1:])) + " \n")
    elif how == "an emptied field":
        log.write_text(log.read_text().replace('"flops": 1000000000.0', '"flops": null', 1))
    else:
        (cell / "metrics.jsonl.sha256").write_bytes(b"\xff" * 64)
    found = folders.cell(run, "baseline", 0, {})
    assert isinstance(found, Failure)
    assert "metrics.jsonl holds something else than the run wrote: its checksum differs" in found.reason


def json_lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]
