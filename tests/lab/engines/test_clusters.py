"""Ray and Dask, really started: the same bits as here, and cells that fail, are killed or are cut short there."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

import small
from asgml.lab import engine, engines, store, sweep
from asgml.lab.config import Experiment
from asgml.lab.engines import remote
from asgml.lab.errors import InputError
from distributed import LocalCluster
from lab.sweeping import Here, Watch, alive, soon

HALF = {"frequency": {"modality": "audio", "k": 2}}
BROKEN = "import os\ndef broken(): raise RuntimeError('no luck')\ndef gone(): os.kill(os.getpid(), 9)\n"


def experiment(**methods: Any) -> Experiment:
    train = {"epochs": 1, "batch_size": 32, "look": "chosen"}
    return Experiment.model_validate(
        {"name": "far", "dataset": small.DATASET, "model": {"feature_dim": 8}, "train": train, "seeds": [0], "methods": methods}
    ).tuned()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("here")
    assert sweep.run(experiment(half=HALF), out, 1, Watch(), Here()).failed == ()
    return out


@pytest.fixture(scope="module")
def scheduler() -> Any:
    with LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None, memory_limit=0) as cluster:
        yield cluster.scheduler_address


def same(out: Path, here: Path) -> None:
    ours, theirs = (folder / "half/seed0" for folder in (out, here))
    assert small.log(ours) == small.log(theirs)
    assert (ours / "model.safetensors").read_bytes() == (theirs / "model.safetensors").read_bytes()
    assert store.read_json(ours / "result.json") == store.read_json(theirs / "result.json")


def test_ray_gives_the_bits_that_a_cell_has_here(here: Path, tmp_path: Path) -> None:
    watch = Watch()
    assert sweep.run(experiment(half=HALF), tmp_path, None, watch, engines.make("ray", "local")).failed == ()
    assert watch.told == [("started", "half"), ("ended", "half", "finished")]
    same(tmp_path, here)


def test_dask_gives_the_bits_that_a_cell_has_here_and_the_reasons(
    here: Path, tmp_path: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(BROKEN)
    monkeypatch.chdir(tmp_path)
    watch, wanted = Watch(), experiment(half=HALF, broken={"import": "mine:broken"}, gone={"import": "mine:gone"})
    failed = sweep.run(wanted, Path("out"), None, watch, engines.make("dask", scheduler)).failed
    assert sorted(task.method for task in failed) == ["broken", "gone"]
    assert watch.endings() == {"half": "finished", "broken": "RuntimeError: no luck", "gone": "killed by SIGKILL"}
    same(tmp_path / "out", here)


def test_what_is_cut_short_ends_on_the_cluster_too(tmp_path: Path, scheduler: str) -> None:
    long = experiment(half=HALF).model_copy(update={"train": small.cell(epochs=10_000).train})
    marks = tmp_path / "half/seed0" / remote.RUNNING, tmp_path / "half/seed0/progress.json"
    pids: list[int] = []

    def strike() -> None:
        if marks[1].exists():
            pids.extend(_children(tmp_path))
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        sweep.run(long, tmp_path, None, Watch(strike), engines.make("dask", scheduler))
    assert pids
    assert soon(lambda: not any(map(alive, pids)))
    assert not marks[0].exists()
    assert not (tmp_path / "half/seed0/result.json").exists()


def _children(of: Path) -> list[int]:
    lines = {int(p.parent.name): p.read_bytes() for p in Path("/proc").glob("[0-9]*/cmdline") if p.exists()}
    return [pid for pid, words in lines.items() if b"asgml.lab.trial" in words and str(of).encode() in words]


def test_a_path_that_a_worker_does_not_see_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="outputs must lie on a shared path"):
        remote.run(str(tmp_path / "nowhere"), str(tmp_path), 1, 1)


def test_an_address_where_nobody_answers_is_wrong_input(tmp_path: Path) -> None:
    cluster = engines.make("dask", str(tmp_path / "scheduler.json"))
    with pytest.raises(InputError, match=r"^--address: no dask cluster answers at .*scheduler.json"):
        cluster.ready(1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("local", "tcp://a:1"), "--address: must be given with --engine ray or dask only, found 'tcp://a:1'"),
        (("dask", None, -1), "--gpus-per-cell: must be 0 or more, found -1"),
        (("local", None, 3), "--gpus-per-cell: must be at most the GPUs of this machine, 2, found 3"),
    ],
)
def test_what_cannot_be_is_refused(words: Any, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    with pytest.raises(InputError) as error:
        engines.make(*words)
    assert str(error.value) == said


def test_engines_ask_a_cluster_for_the_gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Any] = []
    dask = engines.make("dask", None, 2)
    vars(dask)["_client"] = type("Client", (), {"submit": lambda self, *a, **k: asked.append((a[1:], k))})()
    dask.start(engine.Task(1, "half", 0, tmp_path, epochs=1, processes=2))
    assert asked == [((str(tmp_path), os.getcwd(), 1, 2), {"pure": False, "resources": {"GPU": 2}})]
    assert engine.trial(tmp_path)[-1] == "--die-with-parent"
