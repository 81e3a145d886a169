"""A cell's process: what it says of itself, whatever ends it."""

import json
import signal
import subprocess
import sys
import time

import pytest
from filelock import FileLock

import small
from asgml.lab import trial

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="limits a process's memory as Linux does")


def result(folder):
    return json.loads((folder / "result.json").read_text())


def test_it_trains_and_says_so(tmp_path):
    folder = small.lay_out(tmp_path / "cell", small.cell(epochs=1))
    done = small.run(folder)
    assert done.returncode == 0, done.stderr
    assert result(folder)["status"] == "finished"
    assert json.loads((folder / "progress.json").read_text())["epoch"] == 1


def test_a_loss_that_is_not_finite_ends_it_with_a_clear_record(tmp_path):
    folder = small.lay_out(tmp_path / "cell", small.cell(lr=1e20))
    assert small.run_here(folder) == 1
    assert result(folder)["status"] == "failed"
    assert "is nan at epoch 1, step" in result(folder)["reason"] or "is inf at epoch 1, step" in result(folder)["reason"]


@pytest.fixture
def own_code(tmp_path, monkeypatch):
    """A folder with a user's module in it, as the current one."""
    (tmp_path / "mine.py").write_text(
        "from asgml import recipes\n"
        "def soft(modality, k): return recipes.frequency(modality, k)\n"
        "def broken(): raise RuntimeError('no luck')\n"
        "def wrong(): return 3\n"
        "def greedy():\n"
        "    import resource, torch\n"
        "    pages = int(open('/proc/self/statm').read().split()[0])\n"
        "    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 2**28,) * 2)\n"
        "    kept = [torch.ones(2**23) for _ in range(100)]\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("mine", None)


def test_ones_own_recipe_needs_no_fork(own_code):
    entry = {"import": "mine:soft", "modality": "audio", "k": 2}
    ours = small.lay_out(own_code / "ours", small.cell([entry], epochs=1))
    theirs = small.lay_out(own_code / "theirs", small.cell([{"frequency": {"modality": "audio", "k": 2}}], epochs=1))
    assert [small.run_here(f) for f in (ours, theirs)] == [0, 0]
    assert small.log(ours) == small.log(theirs)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"import": "mine:broken"}, "RuntimeError: no luck"),
        ({"import": "mine:wrong"}, "mine:wrong must return a Recipe or an Objective, found int"),
        ({"import": "mine:soft"}, "TypeError: soft() missing 2 required positional arguments"),
    ],
)
def test_a_crash_is_recorded_with_its_reason(own_code, entry, reason):
    folder = small.lay_out(own_code / "cell", small.cell([entry]))
    assert small.run_here(folder) == 1
    assert reason in result(folder)["reason"]


@LINUX
def test_want_of_memory_is_recorded_as_such(own_code):
    """In a process of its own, whose memory it limits."""
    folder = small.lay_out(own_code / "cell", small.cell([{"import": "mine:greedy"}]))
    assert small.run(folder).returncode == 1
    assert "out of memory (RuntimeError: " in result(folder)["reason"]


def test_a_folder_without_config_is_refused(tmp_path):
    done = small.run(tmp_path)
    assert done.returncode == 2
    assert "holds no config.json" in done.stderr


def test_two_processes_never_train_one_folder(tmp_path, monkeypatch):
    folder = small.lay_out(tmp_path / "cell", small.cell())
    monkeypatch.setattr(trial, "PATIENCE", 0.2)
    monkeypatch.setattr(sys, "argv", ["trial", str(folder)])
    with FileLock(folder / ".lock"), pytest.raises(SystemExit) as ended:
        trial.main()
    assert ended.value.code == 2
    assert not (folder / "metrics.jsonl").exists()


def test_it_dies_with_its_parent(tmp_path):
    folder = small.lay_out(tmp_path / "cell", small.cell(epochs=10_000))
    parent = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE); time.sleep(600)"
    command = [sys.executable, "-m", "asgml.lab.trial", str(folder), "--die-with-parent"]
    process = subprocess.Popen([sys.executable, "-c", parent, *command])
    try:
        wait_for(lambda: (folder / "progress.json").exists(), 60)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with FileLock(folder / ".lock", timeout=20):  # the child held it until it died
        before = (folder / "progress.json").read_text()
        time.sleep(0.5)
        assert (folder / "progress.json").read_text() == before
    assert not (folder / "result.json").exists()


def wait_for(happened, seconds):
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)
