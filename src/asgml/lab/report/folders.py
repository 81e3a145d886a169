"""Reads the folder of a run, `<run>/<method>/seed<seed>/`, into a study."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from asgml.lab import store, tuning
from asgml.lab.errors import InputError
from asgml.lab.report import records
from asgml.lab.report.model import Failure, Method, Run, Study, unique


def read(run: Path) -> Study:
    """Read every cell under `run`; a cell that did not finish becomes a failure with its reason.

    Raises:
        InputError: `run` is no folder, or holds no `experiment.json`.
    """
    if not run.is_dir():
        raise InputError(f"run: must be the folder of a run, found none at {run}; give the folder that `asgml run` wrote")
    try:
        settings = store.read_json(run / "experiment.json")
    except ValueError as error:
        raise InputError(f"run: {run / 'experiment.json'} must be JSON, found {error}; restore it or run again") from error
    if not isinstance(settings, dict):
        raise InputError(f"run: {run} must hold experiment.json, found none; "
                         "for event files of another program use the option for TensorBoard folders")  # fmt: skip
    methods = tuple(_method(run, name, settings) for name in _names(run, settings))
    modalities = unique(m for method in methods for r in method.runs for m in r.header.get("dataset_modalities", ()))
    modalities = modalities or unique(m for method in methods for m in method.modalities)
    return Study(
        str(settings.get("name", run.name)), f"the folder {run.name}", methods, modalities, settings, tuning=_tuning(run)
    )


def _tuning(run: Path) -> dict[str, Any] | None:
    found: dict[str, Any] | None = store.read_record(run / tuning.FILE)
    return found


def _names(run: Path, settings: dict[str, Any]) -> tuple[str, ...]:
    folders = sorted(folder.name for folder in run.iterdir() if folder.is_dir() and _seeds(folder))
    return unique([*settings.get("methods", {}), *folders])


def _seeds(folder: Path) -> list[int]:
    named = [re.fullmatch(r"seed(\d+)", path.name) for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(found[1]) for found in named if found)


def _method(run: Path, name: str, settings: dict[str, Any]) -> Method:
    planned = settings.get("seeds", []) if name in settings.get("methods", {}) else []
    seeds = list(dict.fromkeys([*planned, *_seeds(run / name)]))
    cells = [_cell(store.cell_folder(run, name, seed), name, seed) for seed in seeds]
    runs = tuple(cell for cell in cells if isinstance(cell, Run))
    failed = tuple(cell for cell in cells if isinstance(cell, Failure))
    return Method(name, runs, failed, tuple(settings.get("methods", {}).get(name) or ()))


def _cell(folder: Path, method: str, seed: int) -> Run | Failure:
    try:
        result = store.read_json(folder / "result.json")
        if result is None:
            return Failure(seed, "not finished")
        if result.get("status") != "finished":
            return Failure(seed, str(result.get("reason", f"status {result.get('status')!r}")))
        return _run(folder, f"{method}/seed{seed}", seed, result.get("best_epoch"))
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        return Failure(seed, f"its files cannot be read ({type(error).__name__}: {error})")


def _run(folder: Path, source: str, seed: int, best_epoch: int | None) -> Run | Failure:
    header, series, notes = records.read(folder)
    if not any(tag.startswith("test/") for tag in series):
        return Failure(seed, "finished, but metrics.jsonl holds no epoch")
    diagnosis = store.read_json(folder / "diagnosis.json")
    return Run(seed, source, series, tuple(header.get("modalities", ())), best_epoch, header, notes, folder, diagnosis)
