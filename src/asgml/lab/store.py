"""What a run leaves behind: `<out>/<method>/seed<seed>/` for every cell, written so that a kill at any moment loses nothing.

Where there are several data sets or points, `<out>/<data set>/<point>/` stands in the place of `<out>`, and the trials of a
tuning lie in `tuning/<settings>/` of that.

A cell's folder holds `config.json` (the resolved `Cell`), `metrics.jsonl` (append-only, the truth), `tensorboard/` (the same
numbers as event files), `checkpoint.pt`, `model.safetensors` (the chosen epoch's weights), `progress.json`, `predictions.npz`,
`metrics.jsonl.sha256` (its checksum, once all is written), `result.json` (written last) and `log.txt`.
Lines of `metrics.jsonl` are of three kinds:

    {"kind": "header", "modalities": [...], "dataset_modalities": [...], "classes": [...], "note": "...",
     "sizes": {"train": n, "validation": n, "test": n}, "commonest": {"train": share, ...},
     "parameters": n, "versions": {"asgml": "...", ...}}
    {"kind": "step", "step": 0, "epoch": 1, "loss": x, "lr": x, "total_norm": x, "grad_norm": {"audio": x},
     "skipped": [], "held": [], "readings": {"gap": {"audio": x}}, "applied": {"scale": {"audio": x}}}
    {"kind": "epoch", "epoch": 1, "step": 18, "steps": 18, "samples": n, "seconds": x, "peak_memory": bytes, "flops": x,
     "updates": {"audio": n}, "skipped_share": {"audio": x}, "held_share": {"audio": x}, "train": {...},
     "validation": {...}, "test": {...}}

where each split has `accuracy`, `f1_macro`, `loss`, `probe_acc` and `probe_online_acc` (modality -> share), `probe_acc_joint`
and, with two modalities or more, `utilization_gap`. With `look: chosen` an epoch's line has validation accuracy alone, and the
chosen epoch's splits follow in a line of their own, after the last. Steps count from 0, epochs from 1; accuracies are shares.

A multi-label cell has `map`, `auroc`, `probe_map` and so on in their place, one of regression `r2`, `mae`, `pearson`,
`probe_r2`: see `asgml.lab.tasks.scoring`; the header then names its `task`, and says who lacks a modality (`present`).
"""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from asgml.lab import files
from asgml.lab.errors import InputError

SHARES = ("updates", "skipped_share", "held_share")
"""What an epoch's record counts per modality."""
SHORT = {"train": "train", "validation": "val", "test": "test"}


def write_atomic(path: Path, data: bytes) -> None:
    """Write `path` so that it is there whole or not at all: temporary file, sync, rename."""
    write_together({path: data})


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write several files so that an error, such as a full disk, leaves all of them as they were, and no temporary file.

    Raises OSError; also where one is a folder, a pipe or a device, which a rename would put out of the way.
    """
    temporaries = dict[Path, Path]()
    try:
        for path, data in contents.items():
            files.refuse_other(path)
            temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
            temporaries[temporary] = path
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        for temporary, path in temporaries.items():
            temporary.replace(path)
    except BaseException:
        for temporary in temporaries:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write strict JSON (no NaN) atomically."""
    write_atomic(path, json_bytes(value))


def json_bytes(value: Any) -> bytes:
    """Return strict JSON (no NaN), as files hold it."""
    return (json.dumps(value, indent=1, allow_nan=False) + "\n").encode()


def read_json(path: Path) -> Any:
    """Read a JSON file; None where there is none."""
    return json.loads(files.read_text(path)) if path.exists() else None


def read_record(path: Path) -> Any:
    """Read the JSON object that a run left; None where there is no file; InputError names one that is damaged."""
    try:
        found = read_json(path)
        if not isinstance(found, dict) and path.exists():
            raise ValueError(f"it must hold an object, found {found!r:.40}")
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read ({error}); remove it if nothing in its folder is worth keeping") from error
    return found


def cell_folder(out: Path, method: str, seed: int) -> Path:
    """Where the cell of this method and seed lies."""
    return out / method / f"seed{seed}"


def records(cell: Path) -> Iterator[dict[str, Any]]:
    """Read `metrics.jsonl` line by line; a last line that a kill cut off is left out."""
    for block in blocks(cell):
        yield from block


def blocks(cell: Path, size: int = 1 << 20) -> Iterator[list[dict[str, Any]]]:
    """Read the records of `metrics.jsonl` some `size` bytes at a time: of long logs that is several times faster.

    Raises ValueError for a whole line that is no JSON.
    """
    path = cell / "metrics.jsonl"
    if not path.exists():
        return
    with files.open_regular(path) as file:
        while lines := file.readlines(size):
            whole = [line for line in lines if line.endswith(b"\n")]
            yield from_json(b"[" + b",".join(whole) + b"]")


def tags(record: Mapping[str, Any]) -> dict[str, float]:
    """Translate a record into TensorBoard's tags, the names under which the report knows every series."""
    if record["kind"] == "step":
        found = {f"train/grad_norm_{m}": v for m, v in record["grad_norm"].items()}
        found |= {f"train/{name}_{m}": v for name, at in record.get("readings", {}).items() for m, v in at.items()}
        found |= {f"train/applied_{name}_{m}": v for name, at in record.get("applied", {}).items() for m, v in at.items()}
        return found | {f"train/{key}": record[key] for key in ("total_norm", "lr")} | {"train/batch_loss": record["loss"]}
    if record["kind"] == "epoch":
        shares = {f"train/{key}_{m}": v for key in SHARES for m, v in record.get(key, {}).items()}
        shares |= {"train/flops": record["flops"]} if "flops" in record else {}
        return shares | {
            tag: v for split, short in SHORT.items() for tag, v in _split_tags(short, record.get(split, {})).items()
        }
    return {}


def _split_tags(short: str, scores: Mapping[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for key, value in scores.items():
        named = {f"{key}_{m}": v for m, v in value.items()} if isinstance(value, Mapping) else {key: value}
        found |= {f"{short}/{name}": v for name, v in named.items()}
    return found
