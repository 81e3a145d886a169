"""Reads the folder of a run, `<run>/<method>/seed<seed>/`, into a study."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asgml.lab import run_folder, shapes, store, tuning
from asgml.lab.report import damage, records
from asgml.lab.report.model import Failure, Method, Run, Study, unique


def read(run: Path) -> Study:
    """Read every cell under `run`; a cell that did not finish becomes a failure with its reason.

    Raises:
        InputError: `run` is no folder, or holds no `experiment.json`.
    """
    settings = experiment(run)
    methods = tuple(_method(run, name, settings) for name in _names(run, settings))
    modalities = unique(m for method in methods for r in method.runs for m in r.header.get("dataset_modalities", ()))
    modalities = modalities or unique(m for method in methods for m in method.modalities)
    tuned, notes = _tuning(run, settings)
    name = settings.get("name") or run.name
    return Study(name, f"the folder {run.name}", methods, modalities, settings, notes, tuned)


def experiment(run: Path) -> dict[str, Any]:
    """What `experiment.json` of a run holds, checked.

    Raises:
        InputError: `run` is no folder, holds no `experiment.json`, or one that is damaged.
    """
    return shapes.experiment(run_folder.experiment(run), run / run_folder.FILE)


def _tuning(run: Path, settings: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, tuple[str, ...]]:
    """What `tuning.json` holds, and what the reader must know of it."""
    try:
        found = damage.record(run / tuning.FILE, shapes.Tuned)
    except damage.Damaged as error:
        return None, (f"Damaged: {error}; what was tuned is not shown, asgml run writes it again",)
    if settings.get("tune") and found is None:
        return None, (f"{tuning.FILE} is missing: what was tuned is not shown, asgml run writes it again",)
    return found, ()


def _names(run: Path, settings: dict[str, Any]) -> tuple[str, ...]:
    folders = sorted(folder.name for folder in run.iterdir() if folder.is_dir() and _seeds(folder))
    return unique([*settings.get("methods", {}), *folders])


def _seeds(folder: Path) -> list[int]:
    named = [re.fullmatch(r"seed(0|[1-9][0-9]{0,18})", path.name) for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(found[1]) for found in named if found)


def _method(run: Path, name: str, settings: dict[str, Any]) -> Method:
    planned = settings.get("seeds", []) if name in settings.get("methods", {}) else []
    seeds = list(dict.fromkeys([*planned, *_seeds(run / name)]))
    cells = [cell(run, name, seed, settings) for seed in seeds]
    runs = tuple(found for found in cells if isinstance(found, Run))
    failed = tuple(found for found in cells if isinstance(found, Failure))
    return Method(name, runs, failed, tuple(settings.get("methods", {}).get(name) or ()))


def cell(run: Path, method: str, seed: int, settings: Mapping[str, Any], *, numbers: bool = True) -> Run | Failure:
    """One cell of a run whose `experiment.json` holds `settings`; a failure where it has no result or is damaged.

    `numbers`: whether those of its log are wanted, so that its checksum must hold.
    """
    folder = store.cell_folder(run, method, seed)
    try:
        result = damage.record(folder / "result.json", shapes.Ended)
        if result is None:
            return Failure(seed, "not finished")
        if result["status"] != "finished":
            return Failure(seed, str(result.get("reason", f"status {result['status']!r}")))
        damage.read(folder / "result.json", lambda: shapes.hold(shapes.Result, result))
        damage.of_another(folder, method, seed, result, settings)
        found = _run(folder, f"{method}/seed{seed}", seed, result)
        if numbers:  # last: what can be said of the damage itself says more
            damage.of_seal(folder / "metrics.jsonl")
        return found
    except damage.Damaged as error:
        return Failure(seed, f"damaged: {error}; remove the folder {method}/seed{seed} and run again", damaged=True)


def _run(folder: Path, source: str, seed: int, result: Mapping[str, Any]) -> Run | Failure:
    if not (folder / "metrics.jsonl").exists():
        raise damage.Damaged("metrics.jsonl is missing")
    header, series, notes = damage.read(folder / "metrics.jsonl", lambda: records.read(folder))
    if not any(tag.startswith("test/") for tag in series):
        raise damage.Damaged("finished, but metrics.jsonl holds no epoch")
    damage.of_log(result, header, series)
    # what another program wrote has no address, and may hold whatever samples it likes
    damage.of_predictions(folder / "predictions.npz", header.get("sizes", {}) if result.get("config") else {})
    diagnosis, said = _diagnosis(folder)
    modalities = tuple(header.get("modalities", ()))
    return Run(seed, source, series, modalities, result.get("best_epoch"), header, (*notes, *said), folder, diagnosis)


def _diagnosis(folder: Path) -> tuple[Mapping[str, Any] | None, tuple[str, ...]]:
    """What `asgml diagnose` found, where it was asked, and that its file is damaged: no other number depends on it."""
    try:
        return damage.record(folder / "diagnosis.json", shapes.Diagnosed), ()
    except damage.Damaged as error:
        return None, (f"damaged: {error}; the diagnosis is not shown, asgml diagnose writes it again",)
