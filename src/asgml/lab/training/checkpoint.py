"""`checkpoint.pt`: all that a later process goes on from, with a checksum, so that nobody goes on from a damaged one."""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import torch

from asgml.lab import memory, store
from asgml.lab.errors import InputError
from asgml.lab.files import read_bytes
from asgml.lab.training.loop import Trainer

FILE = "checkpoint.pt"
MARK = b"sha256:"
HELD = {"length", "trainer", "best"}


class Damaged(InputError):
    """A checkpoint that holds other bytes than were written, or none that can be read."""


def write(folder: Path, state: dict[str, Any]) -> None:
    """Write `checkpoint.pt`, whole or not at all: a zip file as torch makes it, whose comment is the sha256 of the rest."""
    file = io.BytesIO()
    torch.save(state, file)
    store.write_atomic(folder / FILE, sealed(file.getvalue()))


def read(folder: Path) -> dict[str, Any] | None:
    """Return what `write` was given, None where there is none; every byte is compared with the checksum first.

    One that an earlier version wrote has no checksum of all bytes: the zip file's own ones are compared.

    Raises Damaged where the file is not what was written, or cannot be read.
    """
    try:
        data = read_bytes(folder / FILE)
    except FileNotFoundError:
        return None
    if problem := _problem(data):
        raise damaged(folder, problem)
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # what is damaged fails in many ways, and torch's words advise to switch its safety off
        if memory.lacked(error):
            raise
        raise damaged(folder, "it cannot be read") from error
    if not isinstance(state, dict) or not state.keys() >= HELD:
        raise damaged(folder, "it holds something else than a checkpoint")
    return state


def restore(trainer: Trainer, state: dict[str, Any], folder: Path) -> None:
    """Give a trainer its state back. Raises Damaged where that does not fit; the trainer is then good for nothing."""
    try:
        trainer.load_state_dict(state["trainer"])
    except Exception as error:  # a key that lacks, a shape, a type: whatever is wrong with the file
        if memory.lacked(error):
            raise
        raise damaged(folder, "it does not fit config.json beside it, or another version of asgml wrote it") from error


def damaged(folder: Path, problem: str) -> Damaged:
    """Return the error that says what is wrong with a folder's checkpoint, and the way out."""
    return Damaged(f"{folder / FILE} is damaged: {problem}; remove {folder}, and the same asgml run trains the cell again")


def set_aside(folder: Path, error: Damaged) -> None:
    """Rename a damaged checkpoint, and say so on standard error, which a cell keeps in `log.txt`."""
    problem = str(error).partition(" is damaged: ")[2].partition(";")[0]
    aside = folder / f"{FILE}.damaged"
    (folder / FILE).replace(aside)
    print(f"{folder / FILE} is damaged: {problem}. It is kept as {aside.name}, and the cell starts anew.", file=sys.stderr)


def sealed(data: bytes) -> bytes:
    """Return a zip file with a comment: `sha256:` and the digest of all that stands before the digest."""
    size = len(MARK) + 2 * hashlib.sha256().digest_size
    whole = data[:-2] + size.to_bytes(2, "little") + MARK  # a zip file ends with the length of its comment
    return whole + hashlib.sha256(whole).hexdigest().encode()


def _problem(data: bytes) -> str | None:
    """Say what is wrong with a sealed zip file, if anything is."""
    whole, digest = data[:-64], data[-64:]
    if whole.endswith(MARK):
        same = hashlib.sha256(whole).hexdigest().encode() == digest
        return None if same else "its checksum is another than when it was written"
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            wrong = file.testzip()
    except Exception:  # zipfile raises many kinds of errors
        return "it is cut off, or no checkpoint"
    return f"the checksum of its part {wrong} is another than when it was written" if wrong else None
