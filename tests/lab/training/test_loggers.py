"""Loggers by name: each has the records' numbers once, and none is needed."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import small
from asgml.lab.errors import InputError
from asgml.lab.training import loggers
from asgml.lab.training.logbook import Logbook

RECORDS: list[dict[str, Any]] = [
    {"kind": "header", "modalities": ["audio"]},
    {"kind": "step", "step": 0, "epoch": 1, "loss": 2.5, "lr": 0.1, "total_norm": 1.5, "grad_norm": {"audio": 1.25}},
    {"kind": "step", "step": 1, "epoch": 1, "loss": 2.0, "lr": 0.1, "total_norm": 1.0, "grad_norm": {}},
    {"kind": "epoch", "epoch": 1, "step": 1, "updates": {"audio": 2}, "test": {"accuracy": 0.5}},
]


class Told:
    def __init__(self) -> None:
        self.told: list[Any] = []

    def log(self, record: Any) -> None:
        self.told.append(record)

    def flush(self) -> None:
        self.told.append("flush")

    def close(self) -> None:
        self.told.append("close")


def test_a_logger_is_told_what_stays_of_an_earlier_attempt_and_what_comes(tmp_path: Path) -> None:
    with Logbook(tmp_path, 0) as log:
        for record in RECORDS[:2]:
            log.write(record)
        length = log.sync()
        log.write(RECORDS[2])
    told = Told()
    with Logbook(tmp_path, length, [told]) as log:
        log.write(RECORDS[3])
        log.sync()
    assert told.told == [RECORDS[1], RECORDS[3], "flush", "close"]


def test_wandb_offline_holds_every_number_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    cell = small.cell().model_copy(update={"loggers": ("wandb",)})
    folder = small.lay_out(tmp_path / "cell", cell)
    (folder / "wandb/offline-run-of-an-earlier-attempt").mkdir(parents=True)
    (folder / "wandb/offline-run-of-an-earlier-attempt/run.wandb").write_bytes(b"")
    with Logbook(folder, 0, loggers.of(cell, folder)) as log:
        for record in RECORDS:
            log.write(record)
    history, config = scanned(folder)
    assert history == [
        {"train/grad_norm_audio": 1.25, "train/total_norm": 1.5, "train/lr": 0.1, "train/batch_loss": 2.5, "step": 0},
        {"train/total_norm": 1.0, "train/lr": 0.1, "train/batch_loss": 2.0, "step": 1},
        {"train/updates_audio": 2, "test/accuracy": 0.5, "epoch": 1},
    ]
    assert config == cell.address
    assert not (folder / "tensorboard").exists()


def scanned(folder: Path) -> tuple[list[dict[str, float]], str]:
    """What the one offline run of a folder holds: its history, and its id."""
    from wandb.proto import wandb_internal_pb2

    (path,) = folder.glob("wandb/offline-run-*/*.wandb")
    history, name = list[dict[str, float]](), ""
    for data in pieces(path.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        name = record.run.run_id or name
        if record.history.item:
            items = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
            history.append({key: value for key, value in items.items() if not key.startswith("_")})
    return history, name


def pieces(file: bytes) -> Iterator[bytes]:
    """The records of a file in LevelDB's log format: in blocks of 32 KiB, each with checksum, length and kind before it."""
    at, whole = 7, b""
    while at + 7 <= len(file):
        if at % 32768 > 32768 - 7:
            at += 32768 - at % 32768
        length, kind = struct.unpack("<HB", file[at + 4 : at + 7])
        whole, at = whole + file[at + 7 : at + 7 + length], at + 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield whole
            whole = b""


def test_a_package_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = small.cell().model_copy(update={"loggers": ("wandb",)})
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(InputError, match=r"`loggers`: needs the package wandb.*pip install 'asgml\[wandb\]'"):
        loggers.of(cell, small.lay_out(tmp_path / "cell", cell))
    assert loggers.of(cell.model_copy(update={"loggers": ()}), tmp_path) == []
