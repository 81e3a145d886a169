"""A checkpoint that is not what was written is never gone on from: it is set aside, and the cell starts anew."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import small
from asgml.lab import store
from asgml.lab.training import cell as cells
from asgml.lab.training import checkpoint
from asgml.lab.training.diagnosing import Trained

STATE: dict[str, Any] = {"config": "abc", "length": 7, "trainer": {"w": torch.arange(300.0)}, "best": {"epoch": 1}}


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A cell that was killed after its second epoch, and one that was not."""
    here = tmp_path_factory.mktemp("cells")
    killed, whole = (small.lay_out(here / name, small.cell()) for name in ("killed", "whole"))
    small.train_and_kill(killed, cells.Trainer, "run_epoch", 3)
    cells.train(whole)
    return killed, whole


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def unsealed(data: bytes) -> bytes:
    """As an earlier version wrote it: the zip file without a comment."""
    return data[: -len(checkpoint.MARK) - 66] + b"\0\0"


def read_of(folder: Path, data: bytes) -> dict[str, Any] | None:
    (folder / checkpoint.FILE).write_bytes(data)
    return checkpoint.read(folder)


def test_what_is_written_is_read_and_torch_reads_it_too(tmp_path: Path) -> None:
    assert checkpoint.read(tmp_path) is None
    checkpoint.write(tmp_path, STATE)
    for found in (checkpoint.read(tmp_path), torch.load(tmp_path / checkpoint.FILE, weights_only=True)):
        assert torch.equal(found.pop("trainer")["w"], STATE["trainer"]["w"])
        assert found == {key: value for key, value in STATE.items() if key != "trainer"}
    assert zipfile.ZipFile(tmp_path / checkpoint.FILE).testzip() is None


def test_one_without_a_checksum_is_read(tmp_path: Path) -> None:
    checkpoint.write(tmp_path, STATE)
    old = unsealed((tmp_path / checkpoint.FILE).read_bytes())
    file = io.BytesIO()
    torch.save(STATE, file)
    assert len(old) == len(file.getvalue())
    assert torch.equal(read_of(tmp_path, old)["trainer"]["w"], STATE["trainer"]["w"])  # type: ignore[index]


@pytest.mark.parametrize("sealed", [True, False])
def test_no_flipped_bit_changes_what_is_read(tmp_path: Path, sealed: bool) -> None:
    checkpoint.write(tmp_path, STATE)
    data = (tmp_path / checkpoint.FILE).read_bytes()
    data = data if sealed else unsealed(data)
    refused = 0
    for at in range(0, len(data), 17):
        found, said = tried(tmp_path, flipped(data, at))
        if found is None:
            refused += f"remove {tmp_path}" in said and "weights_only" not in said
            continue
        assert torch.equal(found["trainer"]["w"], STATE["trainer"]["w"])
        assert {k: v for k, v in found.items() if k != "trainer"} == {k: v for k, v in STATE.items() if k != "trainer"}
        refused += not sealed
    assert refused >= len(data) // 17 - len(checkpoint.MARK)


def tried(folder: Path, data: bytes) -> tuple[dict[str, Any] | None, str]:
    try:
        return read_of(folder, data), ""
    except checkpoint.Damaged as error:
        return None, str(error)


BROKEN = {"empty": b"", "text": b"no checkpoint", "html": b"<!DOCTYPE html><html>", "pickle": b"\x80\x02}q\x00."}


@pytest.mark.parametrize("what", [*BROKEN, "cut", "another", "array"])
def test_what_is_no_checkpoint_is_refused_in_words(tmp_path: Path, what: str) -> None:
    checkpoint.write(tmp_path, {"a": np.float64(1)} if what == "array" else {"a": 1} if what == "another" else STATE)
    data = BROKEN.get(what, (tmp_path / checkpoint.FILE).read_bytes())
    with pytest.raises(checkpoint.Damaged, match="is damaged: it") as error:
        read_of(tmp_path, data[: len(data) // 2] if what == "cut" else data)
    assert "weights_only" not in str(error.value)


def without(state: dict[str, Any], part: str) -> dict[str, Any]:
    return state | {"trainer": {name: x for name, x in state["trainer"].items() if name != part}}


@pytest.mark.parametrize("how", ["flipped", "cut", "half a state", "another best", "a shorter log"])
def test_a_damaged_one_is_set_aside_and_the_cell_starts_anew(cut: Any, tmp_path: Path, how: str, capfd: Any) -> None:
    killed, whole = cut
    folder = shutil.copytree(killed, tmp_path / "cell")
    data = (folder / checkpoint.FILE).read_bytes()
    if how in ("flipped", "cut"):
        damaged = flipped(data, len(data) // 2) if how == "flipped" else data[:-400]
        (folder / checkpoint.FILE).write_bytes(damaged)
    elif how == "a shorter log":
        (folder / "metrics.jsonl").unlink()
    else:
        state = checkpoint.read(folder)
        assert state is not None
        checkpoint.write(folder, without(state, "meter") if how == "half a state" else state | {"best": {"epoch": 1}})
    assert small.run_here(folder) == 0
    said = capfd.readouterr().err
    assert ("checkpoint.pt is damaged: it", "metrics.jsonl beside it holds 0 of the ")[how == "a shorter log"] in said
    assert "It is kept as checkpoint.pt.damaged, and the cell starts anew." in said
    assert (folder / "checkpoint.pt.damaged").exists()
    assert small.log(folder) == small.log(whole)
    assert store.read_json(folder / "result.json")["status"] == "finished"
    assert (folder / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


@pytest.mark.parametrize(("lost", "words"), [(False, "is damaged: its checksum"), (True, "has no checkpoint.pt")])
def test_a_diagnosis_says_which_folder_to_remove(cut: Any, tmp_path: Path, lost: bool, words: str) -> None:
    folder = shutil.copytree(cut[1], tmp_path / "cell")
    path = folder / checkpoint.FILE
    path.write_bytes(flipped(path.read_bytes(), 5000))
    if lost:
        path.unlink()
    with pytest.raises(checkpoint.InputError, match=words) as error:
        Trained.read(folder)
    assert "asgml run trains the cell again" in str(error.value)
