"""The whole way, as a user goes it: from one command to three files, killed and restarted, by one process or two, and back."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

EXPERIMENT = """
name: small
dataset: {name: keypad, train_size: 100, snr_db: 0, image_noise: 0.3}
model: {feature_dim: 8}
train: {epochs: 4, batch_size: 32}
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


def asgml(here, *words, check=0):
    done = subprocess.run([sys.executable, "-m", "asgml", *words], cwd=here, capture_output=True, text=True, timeout=170)
    assert done.returncode == check, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def whole(here):
    """An uninterrupted run by two processes, and what it printed."""
    return here / "outputs" / "small", asgml(here, "run", "small.yaml", "--jobs", "2")


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


def test_the_same_command_trains_nothing_again(here, whole):
    folder, _ = whole
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("metrics.jsonl")}
    said = asgml(here, "run", "small.yaml")
    assert "0 of them to train" in said
    assert before == {p: p.stat().st_mtime_ns for p in folder.rglob("metrics.jsonl")}


def test_jobs_change_no_bit(here, whole):
    asgml(here, "run", "small.yaml", "--jobs", "1", "--out", "one", "--set", "seeds=[0]")
    for method in ("baseline", "frequency_k2", "staleness_t2", "visual_alone"):
        ours, theirs = last(here / "one", method, 0), last(whole[0], method, 0)
        assert [e | {"seconds": 0} for e in ours] == [e | {"seconds": 0} for e in theirs]


def test_killed_at_random_moments_and_restarted_it_ends_the_same(here, whole):
    """The child processes die with the sweep, so that nothing trains on behind its back."""
    command = [sys.executable, "-m", "asgml", "run", "small.yaml", "--out", "killed"]
    moments = random.Random(0)
    for _ in range(4):
        with (here / "said.txt").open("ab") as said:
            process = subprocess.Popen(command, cwd=here, stdout=said, stderr=said)
        time.sleep(moments.uniform(1.5, 7))
        process.send_signal(signal.SIGKILL)
        process.wait()
    asgml(here, "run", "small.yaml", "--out", "killed")
    ours, theirs = summary(here / "killed"), summary(whole[0])
    assert ours == theirs


def test_event_files_give_the_same_analysis_as_the_records(here, whole):
    folder, _ = whole
    named = [f"{m}={folder / m}" for m in ("baseline", "frequency_k2")]
    asgml(here, "report", "--tensorboard", *named, "--out", "from_events")
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


def test_a_failed_cell_is_marked_and_the_others_go_on(here):
    (here / "crashing.py").write_text("def crash(): raise RuntimeError('no luck')\n")
    sets = ["--set", "methods={baseline: [], crashes: {import: 'crashing:crash'}}", "--set", "name=crash", "--set", "seeds=[0]"]
    said = asgml(here, "run", "small.yaml", *sets, check=1)
    assert "1 of 2 cells failed" in said
    found = summary(here / "outputs" / "crash")["methods"]
    assert found["crashes"]["failed"] == [{"seed": 0, "reason": "RuntimeError: no luck"}]
    assert found["baseline"]["n"] == 1
    assert "no luck" in (here / "outputs" / "crash" / "analysis.md").read_text()


def test_ctrl_c_ends_in_seconds_and_loses_nothing_finished(here, whole):
    command = [sys.executable, "-m", "asgml", "run", "small.yaml", "--out", "interrupted", "--set", "train.epochs=2000"]
    process = subprocess.Popen(
        command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    progress = here / "interrupted" / "baseline" / "seed0" / "progress.json"
    end = time.monotonic() + 60
    while not progress.exists():
        assert time.monotonic() < end
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=20)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert not list((here / "interrupted").rglob("result.json"))


def test_a_bad_recording_is_named_before_anything_is_written(here, tmp_path):
    (tmp_path / "0_ann_0.wav").write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt ")
    sets = ["--set", "name=broken", "--set", "dataset={name: avdigits, root: " + str(tmp_path) + "}"]
    done = subprocess.run(
        [sys.executable, "-m", "asgml", "run", "small.yaml", *sets], cwd=here, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "0_ann_0.wav" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (here / "outputs" / "broken").exists()
