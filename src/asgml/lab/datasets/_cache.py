"""Prepared data sets on disk: one uncompressed .npz per (settings, seed, input files, code that prepares them)."""

from __future__ import annotations

import hashlib
import io
import json
import os
import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from asgml.lab.datasets._base import Data, Raw, Split, Test, Train, Validation
from asgml.lab.store import write_atomic

SPLITS: dict[str, type[Split]] = {"train": Train, "validation": Validation, "test": Test}


def folder() -> Path:
    """Return `$ASGML_CACHE`, else `$XDG_CACHE_HOME/asgml`, else `~/.cache/asgml`."""
    if own := os.environ.get("ASGML_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "asgml"


def key(settings: Mapping[str, Any], seed: int, module: Any, files: Mapping[str, bytes]) -> str:
    """Return the sha256 over all that prepared arrays depend on.

    That is: the settings without what names a place or is resolved (`root`, `seed`), the effective seed, the `VERSION` of the
    preparing `module` and the versions of its `LIBRARIES`, and the names and contents of the input files.
    """
    plain = {name: value for name, value in settings.items() if name not in ("root", "seed", "content")}
    libraries = {name: version(name) for name in module.LIBRARIES}
    contents = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    everything = [plain, seed, module.VERSION, libraries, contents]
    return hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()


def fetch(name: str, prepare: Callable[[], Data]) -> Data:
    """Return the data set cached under this name; where there is none, or a damaged one, prepare it and write it.

    Two processes at once prepare twice and each writes the same whole file. A folder that cannot be written costs a warning.
    """
    path = folder() / f"{name}.npz"
    if (data := _read(path, name)) is None:
        data = prepare()
        _write(path, name, data)
    return data


def _read(path: Path, name: str) -> Data | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}  # reading to the end checks each array's CRC
        return _data(arrays) if str(arrays["name"]) == name else None
    except Exception:  # a damaged file fails in many ways, and all of them mean: prepare it anew
        return None


def _write(path: Path, name: str, data: Data) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **_arrays(name, data))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, buffer.getvalue())
    except OSError as error:
        warnings.warn(
            f"the prepared data set could not be kept in {path.parent} ({error.strerror}), so every cell prepares it anew; "
            "set ASGML_CACHE to a folder that can be written",
            stacklevel=3,
        )


def _arrays(name: str, data: Data) -> dict[str, Any]:
    arrays: dict[str, Any] = {"name": np.array(name), "note": np.array(data.note), "classes": np.array(data.classes)}
    arrays["task"] = np.array(data.task)
    for m, raw in data.raw.items():
        kept = {"kind": np.array(raw.kind), "mean": raw.mean, "sd": raw.sd}
        arrays |= {f"raw/{m}/{name}": x for name, x in kept.items() if x is not None}
    for split in SPLITS:
        part: Split = getattr(data, split)
        for kind in ("inputs", "present"):
            arrays |= {f"{split}/{kind}/{modality}": x for modality, x in getattr(part, kind).items()}
        arrays |= {f"{split}/{field}": getattr(part, field) for field in ("labels", "ids", "groups")}
    return arrays


def _data(arrays: Mapping[str, Any]) -> Data:
    def split(name: str) -> Any:
        inputs, present = (
            {key.removeprefix(start): x for key, x in arrays.items() if key.startswith(start)}
            for start in (f"{name}/inputs/", f"{name}/present/")
        )
        labels, ids, groups = (arrays[f"{name}/{field}"] for field in ("labels", "ids", "groups"))
        return SPLITS[name](inputs, labels, ids, groups, present)

    classes = tuple(str(c) for c in arrays["classes"])
    parts = split("train"), split("validation"), split("test")
    named = [
        key.removeprefix("raw/").removesuffix("/kind") for key in arrays if key.startswith("raw/") and key.endswith("/kind")
    ]
    raw = {m: Raw(str(arrays[f"raw/{m}/kind"]), arrays.get(f"raw/{m}/mean"), arrays.get(f"raw/{m}/sd")) for m in named}
    return Data(*parts, classes, str(arrays["note"]), str(arrays["task"]), raw)
