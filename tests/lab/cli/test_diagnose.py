"""`asgml diagnose`, as a user calls it: on a run, with and without references, and what it refuses."""

import json
import shutil

import numpy as np
import pytest

import small
from asgml.lab import report, store
from asgml.lab.cli import main
from asgml.lab.training import diagnosing


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of two methods and one seed, trained once: a joint one, and audio alone."""
    run = tmp_path_factory.mktemp("run")
    alone = {"kind": "alone", "modality": "audio"}
    entries = {"slowed": [{"kind": "frequency", "modality": "audio", "k": 2}], "heard": [alone]}
    for method, listed in entries.items():
        cell = small.cell(listed).model_copy(update={"method": method})
        assert small.run_here(small.lay_out(store.cell_folder(run, method, 0), cell)) == 0
    settings = small.cell().model_dump(mode="json", by_alias=True)
    kept = {key: settings[key] for key in ("dataset", "model", "train")}
    store.write_json(run / "experiment.json", {"name": "run", **kept, "seeds": [0], "methods": entries})
    return run


@pytest.fixture
def run(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run")


def read(run, method="slowed"):
    return json.loads((run / method / "seed0" / "diagnosis.json").read_text())


def test_it_reads_the_model_of_the_last_epoch_on_validation(run, capsys):
    assert main(["diagnose", str(run)]) == 0
    found, said = read(run), capsys.readouterr().out
    last = [json.loads(x) for x in (run / "slowed/seed0/metrics.jsonl").read_text().splitlines()][-1]
    assert found["whole"]["accuracy"]["value"] == pytest.approx(last["validation"]["accuracy"])
    for m in ("audio", "visual"):
        assert found["modalities"][m]["probe"]["value"] == pytest.approx(last["validation"]["probe_acc"][m])
    assert found["samples"] == 360
    assert found["modalities"]["audio"]["updated_share"]["value"] == 0.5, "6 of its 12 updates were skipped"
    assert "slowed, seed 0: the model of its last epoch" in said
    assert f"asgml diagnose {run} --solo trains visual alone" in said
    assert (found["method"], found["seed"]) == ("slowed", 0)


def test_the_runs_own_reference_is_used_and_a_missing_one_is_trained_once(run, capsys):
    assert main(["diagnose", str(run)]) == 0
    found = read(run)
    assert "solo" in found["modalities"]["audio"], "the method `heard`, whatever its name"
    assert "solo" not in found["modalities"]["visual"]
    assert main(["diagnose", str(run), "--solo"]) == 0
    (cached,) = run.glob(".solo/*/seed0")
    found = read(run)
    lines = [json.loads(x) for x in (cached / "metrics.jsonl").read_text().splitlines()]
    assert found["modalities"]["visual"]["solo"]["value"] == pytest.approx(lines[-1]["validation"]["accuracy"])
    when = (cached / "result.json").stat().st_mtime_ns
    assert main(["diagnose", str(run), "--solo"]) == 0
    assert (cached / "result.json").stat().st_mtime_ns == when
    assert read(run) == found, "the same numbers again"
    other = small.cell(lr=0.01).model_copy(update={"method": "other"})
    assert set(diagnosing.references(run, other, ("audio", "visual"), train=False)) == {"audio"}, "that of another rate is none"


def test_the_report_shows_it_and_knows_nothing_of_the_references(run):
    main(["diagnose", str(run), "--solo"])
    summary = report.write(run)
    assert "### slowed, seed 0" in (run / "analysis.md").read_text()
    assert list(summary["methods"]) == ["slowed", "heard"]


def test_the_test_split_is_not_looked_at(run, monkeypatch):
    def spoil(cell, real=diagnosing.cells.prepare):
        data, samples, trainer = real(cell)
        del samples["test"]
        for x in data.test.inputs.values():
            x[...] = np.nan if x.dtype.kind == "f" else 0
        return data, samples, trainer

    main(["diagnose", str(run)])
    before = read(run)
    monkeypatch.setattr(diagnosing.cells, "prepare", spoil)
    main(["diagnose", str(run)])
    assert read(run) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--method slow", "--method: must be a method of this run, found 'slow'; did you mean 'slowed'?"),
        ("--seed 7", "--seed: must be one of the finished seeds of slowed, [0], found 7"),
    ],
)
def test_what_is_wrong_takes_one_line(run, options, words, capsys):
    assert main(["diagnose", str(run), *options.split()]) == 2
    assert capsys.readouterr().err == f"asgml: error: {words}\n"


def test_a_cell_that_failed_is_no_model(run, capsys):
    store.write_json(run / "slowed/seed0/result.json", {"status": "failed", "reason": "diverged"})
    assert main(["diagnose", str(run)]) == 2
    assert "no cell of slowed has finished" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"task": "regression"}, "found regression"),
        ({"present": {"train": {"audio": 3}}}, "found classification with modalities missing"),
        ({"task": "multilabel", "present": {"test": {"audio": 3}}}, "found multilabel with modalities missing"),
    ],
)
def test_solo_refuses_before_it_trains(run, more, words, capsys):
    log = run / "slowed/seed0/metrics.jsonl"
    header, rest = log.read_text().split("\n", 1)
    log.write_text(json.dumps(json.loads(header) | more) + "\n" + rest)
    shutil.rmtree(run / "heard")
    assert main(["diagnose", str(run), "--solo"]) == 2
    assert capsys.readouterr().err.endswith(f"needs one class per sample, and all modalities in each, {words}\n")
    assert not (run / ".solo").exists()


def test_solo_refuses_a_damaged_checkpoint_before_it_trains(run, capsys):
    (run / "slowed/seed0/checkpoint.pt").write_bytes(b"half")
    shutil.rmtree(run / "heard")
    assert main(["diagnose", str(run), "--solo"]) == 2
    assert "checkpoint.pt is damaged: it is cut off" in capsys.readouterr().err
    assert not (run / ".solo").exists()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("slowed/seed0/result.json", '"x"', "run: slowed seed 0 is damaged: result.json cannot be read"),
        ("slowed/seed0/config.json", "[]", "run: slowed seed 0 is damaged: config.json cannot be read"),
        ("slowed/seed0/metrics.jsonl", "{}\n", "run: slowed seed 0 is damaged: metrics.jsonl cannot be read"),
        ("experiment.json", "[]", "experiment.json is damaged: it must hold an object, found a list"),
        ("experiment.json", '{"methods": {"slowed": 3}}', "experiment.json is damaged"),
        ("experiment.json", "{}", "--method: must be a method of this run"),
    ],
)
def test_a_damaged_cell_is_not_diagnosed(run, capsys, name, text, words):
    (run / name).write_text(text)
    assert main(["diagnose", str(run)]) == 2
    assert words in capsys.readouterr().err
    assert not (run / "slowed/seed0/diagnosis.json").exists()
