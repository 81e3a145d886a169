"""Every cell has GPUs of its own where it is asked for."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from asgml.lab import engine, gpus
from lab.sweeping import Sweep, Watch, experiment

FORKED = pytest.param(True, id="forked", marks=pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux alone"))


@pytest.mark.parametrize("forked", [pytest.param(False, id="spawned"), FORKED])
def test_no_two_cells_share_one_and_all_are_given_back(forked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(gpus.VARIABLE, "4,5,6,7")
    at, most = Sweep(tmp_path, forked), list[int]()
    at.run(experiment("environment"))  # lays the config out
    cells, events = experiment("environment_a", "environment_b", "environment_c"), Path(tmp_path / "events")
    assert events.exists()

    def look() -> None:
        began = [line for line in at.events if line.startswith("began environment_")]
        ended = list(at.out.glob("environment_*/seed0/result.json"))
        most.append(len(began) - len(ended))

    monkeypatch.setattr(at, "engine", lambda: type(at).engine(at, gpus=2))
    assert at.run(cells, jobs=3, watch=Watch(look)).failed == ()
    seen = [re.search(r'"CUDA_VISIBLE_DEVICES": "([^"]*)"', p.read_text()) for p in at.out.glob("environment_*/seed0/log.txt")]
    assert {found[1] for found in seen if found} == {"4,5", "6,7"}
    assert max(most) <= 2
    assert engine.POLL < 1


def test_without_a_driver_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(gpus.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", "")
    assert gpus.visible() == []
    monkeypatch.setenv(gpus.VARIABLE, "")
    assert gpus.visible() == []
