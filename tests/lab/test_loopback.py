"""Who may talk to the processes that we start: nobody from another machine, unless the user asks for it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from asgml.lab import loopback

NAMES = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME", "PET_RDZV_ENDPOINT", loopback.MEETING)


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, "RAY_ADDRESS", loopback.RAY):
        monkeypatch.delenv(name, raising=False)


def test_processes_meet_in_a_folder_that_is_removed() -> None:
    wanted, part = loopback.meeting(2)
    folder = Path(wanted[loopback.MEETING]).parent
    assert folder.is_dir()
    assert folder.stat().st_mode & 0o077 == 0, "others on this machine must not take part"
    assert (wanted["PET_RDZV_CONF"], Path(wanted["PET_RDZV_ENDPOINT"]).parent) == ("store_type=file", folder)
    assert wanted["GLOO_SOCKET_IFNAME"] == wanted["NCCL_SOCKET_IFNAME"] == ("lo0" if sys.platform == "darwin" else "lo")
    part()
    assert not folder.exists()


def test_one_process_has_nobody_to_meet() -> None:
    assert loopback.meeting(1)[0] == {}


@pytest.mark.parametrize("name", NAMES)
def test_what_the_user_has_set_stays(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "mine")
    wanted, part = loopback.meeting(2)
    part()
    assert name not in wanted


@pytest.mark.parametrize(
    ("address", "others", "runs", "here"),
    [
        (None, {}, False, True),
        ("local", {}, True, True),
        (None, {}, True, False),
        (None, {"RAY_ADDRESS": "10.0.0.1:6379"}, False, False),
        ("10.0.0.1:6379", {}, False, False),
        (None, {loopback.RAY: "1"}, False, False),
    ],
)
def test_a_cluster_that_ray_starts_for_us_listens_here_alone(
    address: str | None, others: dict[str, str], runs: bool, here: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(loopback.RAY, "")
    monkeypatch.delenv(loopback.RAY)
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    monkeypatch.setattr(loopback, "RAY_RUNS", tmp_path if runs else tmp_path / "none")
    for name, value in others.items():
        monkeypatch.setenv(name, value)
    loopback.keep_ray_here(address)
    assert (os.environ.get(loopback.RAY) == "0") is here
