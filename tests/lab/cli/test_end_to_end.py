"""The whole way, as a user goes it: from one command to three files, killed and restarted, by one process or two, and back.

The first command and those that are cut short are processes of their own; the others run here, where all is imported.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from asgml.lab import engines, store
from asgml.lab.cli import main
from lab.sweeping import Here

MEASURED = {"seconds": 0, "peak_memory": 0}
"""What an epoch's record says of the machine: no two runs agree in it."""
EXPERIMENT = """
name: small
dataset: {name: keypad, train_size: 100, snr_db: 0, image_noise: 0.3}
model: {feature_dim: 8}
train: {epochs: 3, batch_size: 32}
seeds: [0, 1]
methods:
  baseline: []
  frequency_k2: {frequency: {modality: audio, k: 2}}
  staleness_t2: {staleness: {modality: audio, tau: 2}}
  visual_alone: {alone: {modality: visual}}
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    folder = tmp_path_factory.mktemp("end_to_end")
    (folder / "small.yaml").write_text(EXPERIMENT)
    return folder


@pytest.fixture
def asgml(here, monkeypatch, capsys):
    """The command, in this process: what it says; and what it says of an error."""
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def run(*words, check=0):
        code, (said, wrong) = main(words), capsys.readouterr()
        assert code == check, said + wrong
        return said + wrong

    return run


@pytest.fixture(scope="module")
def whole(here):
    """An uninterrupted run by two processes, and what it printed."""
    command = [sys.executable, "-m", "asgml", "run", "small.yaml", "--jobs", "2"]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stdout + done.stderr
    return here / "outputs" / "small", done.stdout


def summary(folder):
    return json.loads((folder / "summary.json").read_text())


def last(folder, method, seed):
    lines = (folder / method / f"seed{seed}" / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines if '"kind": "epoch"' in line]


def test_one_command_leaves_three_files_that_say_the_same(whole):
    folder, said = whole
    for name in ("analysis.md", "report.html", "summary.json"):
        assert str(folder.name + "/" + name) in said
        assert (folder / name).stat().st_size > 1000
    methods = summary(folder)["methods"]
    assert list(methods) == ["baseline", "frequency_k2", "staleness_t2", "visual_alone"]
    text = (folder / "analysis.md").read_text()
    for method, values in methods.items():
        assert values["n"] == 2
        assert values["failed"] == []
        by_hand = [last(folder, method, s) for s in (0, 1)]
        average = sum(sum(e["test"]["probe_acc"]["visual"] for e in run) / len(run) for run in by_hand) / 2
        assert values["probe_acc"]["visual"]["avg"]["mean"] == pytest.approx(average, abs=1e-12)
        assert f"{100 * average:.2f}%" in text
    assert "utilization_gap" not in methods["visual_alone"]
    assert methods["frequency_k2"]["skipped_share"]["audio"]["mean"] == 0.5


def test_the_same_command_trains_nothing_again(asgml, whole):
    folder, _ = whole
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("metrics.jsonl")}
    said = asgml("run", "small.yaml")
    assert "0 of them to train" in said
    assert before == {p: p.stat().st_mtime_ns for p in folder.rglob("metrics.jsonl")}


ONE_SEED = ("run", "small.yaml", "--out", "cut", "--jobs", "1", "--set", "seeds=[0]")


def cut(here, number, epochs):
    """Start, end it with all its process group by a signal once so many epochs are done; return the exit code, what it said."""
    command = [sys.executable, "-m", "asgml", *ONE_SEED]
    settings = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "start_new_session": True}
    with subprocess.Popen(command, cwd=here, **settings) as process:
        try:
            end = time.monotonic() + 120
            while sum(json.loads(p.read_text())["epoch"] for p in (here / "cut").rglob("progress.json")) < epochs:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < end
                time.sleep(0.01)
            os.killpg(process.pid, number)
            said, _ = process.communicate(timeout=20)
        finally:
            process.kill()
    return process.returncode, said


@pytest.mark.timeout(400)  # it may have to make the whole run, too
def test_cut_short_at_random_moments_and_restarted_one_cell_at_a_time_ends_the_same(here, asgml, whole):
    """By Ctrl-C, in seconds; and by a kill, with which the child processes die, so that nothing trains on behind its back."""
    moments = random.Random(0)
    code, said = cut(here, signal.SIGINT, moments.randint(1, 5))
    assert code == 130, said
    assert "Traceback" not in said
    assert {json.loads(p.read_text())["status"] for p in (here / "cut").rglob("result.json")} <= {"finished"}
    assert cut(here, signal.SIGKILL, moments.randint(6, 10))[0] == -signal.SIGKILL
    asgml(*ONE_SEED)
    for method in ("baseline", "frequency_k2", "staleness_t2", "visual_alone"):
        ours, theirs = last(here / "cut", method, 0), last(whole[0], method, 0)
        assert [e | MEASURED for e in ours] == [e | MEASURED for e in theirs]
    uncut = shutil.copytree(whole[0], here / "uncut", ignore=shutil.ignore_patterns("seed1"))
    store.write_json(uncut / "experiment.json", json.loads((uncut / "experiment.json").read_text()) | {"seeds": [0]})
    asgml("report", "uncut")
    assert summary(here / "cut") == summary(uncut)


def test_event_files_give_the_same_analysis_as_the_records(here, asgml, whole):
    folder, _ = whole
    named = [f"{m}={folder / m}" for m in ("baseline", "frequency_k2")]
    asgml("report", "--tensorboard", *named, "--out", "from_events")
    ours, theirs = (summary(f)["methods"] for f in (here / "from_events", folder))
    for method in ("baseline", "frequency_k2"):
        assert ours[method]["n"] == 2
        for modality in ("audio", "visual"):
            for key in ("avg", "min", "max", "final"):
                found = ours[method]["probe_acc"][modality][key]["mean"]
                assert found == pytest.approx(theirs[method]["probe_acc"][modality][key]["mean"], abs=1e-6)
        found, expected = (m[method]["utilization_gap"] for m in (ours, theirs))
        assert found["change_vs_baseline"] == pytest.approx(expected["change_vs_baseline"], abs=1e-5)
        assert ours[method]["test_accuracy"] == pytest.approx(theirs[method]["test_accuracy_final"], abs=1e-6)


def test_a_failed_cell_is_marked_and_the_others_go_on(here, asgml, monkeypatch):
    monkeypatch.setattr(engines, "make", lambda *words: Here())
    (here / "crashing.py").write_text("def crash(): raise RuntimeError('no luck')\n")
    sets = ["methods={crashes: {import: 'crashing:crash'}, baseline: []}", "name=crash", "seeds=[0]", "train.epochs=1"]
    said = asgml("run", "small.yaml", *(word for text in sets for word in ("--set", text)), check=1)
    assert "1 of 2 cells failed" in said
    found = summary(here / "outputs" / "crash")["methods"]
    assert found["crashes"]["failed"] == [{"seed": 0, "reason": "RuntimeError: no luck"}]
    assert found["baseline"]["n"] == 1
    assert "no luck" in (here / "outputs" / "crash" / "analysis.md").read_text()


def test_a_bad_recording_is_named_before_anything_is_written(here, asgml, tmp_path):
    (tmp_path / "0_ann_0.wav").write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt ")
    said = asgml("run", "small.yaml", "--set", "name=broken", "--set", f"dataset={{name: avdigits, root: {tmp_path}}}", check=2)
    assert "0_ann_0.wav" in said
    assert "Traceback" not in said
    assert not (here / "outputs" / "broken").exists()
