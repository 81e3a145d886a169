"""What `asgml diagnose` does: choose a finished cell, examine it, keep and show what was found."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asgml.lab import own_code, run_folder, shapes, store
from asgml.lab.errors import InputError, did_you_mean
from asgml.lab.report.model import BASELINE, Failure, Run

FILE = "diagnosis.json"


def diagnose(run: Path, method: str | None, seed: int | None, *, solo: bool, allow_imports: bool) -> None:
    """Diagnose one cell of a run; `diagnosis.json` stands beside its result, and the report shows it from then on."""
    folder, header = _cell(run, method, seed, allow_imports=allow_imports)
    diagnosable(header)
    from asgml.lab.training import diagnosing

    began, modalities = time.perf_counter(), tuple(header.get("modalities", ()))
    cell = diagnosing.read_cell(folder, allow_imports=allow_imports)
    trained = diagnosing.Trained.read(folder, allow_imports=allow_imports)  # before anything is trained beside it
    references = diagnosing.references(run, cell, modalities, train=solo)
    found = diagnosing.examine(trained, references, allow_imports=allow_imports)
    print(f"{cell.method}, seed {cell.seed}: the model of its last epoch, on validation samples\n\n{found}")
    if missing := [m for m in modalities if m not in references]:
        print(f"asgml diagnose {run} --solo trains {' and '.join(missing)} alone, once.")
    store.write_json(folder / FILE, {"method": cell.method, "seed": cell.seed, **found.to_dict()})
    print(f"\n{time.perf_counter() - began:.0f} s; wrote {folder / FILE}; asgml report {run} shows it")


def diagnosable(header: Mapping[str, Any]) -> None:
    """Raise InputError where the header of a cell's log says that its data are of a kind that no diagnosis takes."""
    task = header.get("task", "classification")
    if task != "classification" or "present" in header:
        found = f"{task}{' with modalities missing' if 'present' in header else ''}"
        raise InputError(f"run: asgml diagnose needs one class per sample, and all modalities in each, found {found}")


def _cell(run: Path, method: str | None, seed: int | None, *, allow_imports: bool) -> tuple[Path, Mapping[str, Any]]:
    """Return the folder of the finished cell that is meant, and the header of its log."""
    settings = shapes.experiment(run_folder.experiment(run), run / run_folder.FILE)
    known = list(settings.get("methods", {}))
    name = method or (BASELINE if BASELINE in known else next(iter(known), ""))
    if name not in known:
        raise InputError(f"--method: must be a method of this run, found {name!r}{did_you_mean(name, known)}")
    from asgml.lab.report import folders

    found = {s: folders.cell(run, name, s, settings, numbers=False) for s in settings.get("seeds", ())}
    done = {s: cell for s, cell in found.items() if isinstance(cell, Run)}
    damaged = {s: cell.reason for s, cell in found.items() if isinstance(cell, Failure) and cell.damaged}
    if seed in damaged or (damaged and not done):
        at = min(damaged) if seed is None else seed
        if not allow_imports:
            own_code.check(store.cell_folder(run, name, at) / "config.json")  # who changed the config may have meant more
        raise InputError(f"run: {name} seed {at} is {damaged[at]}")
    if not done:
        raise InputError(
            f"run: no cell of {name} has finished in {run}; asgml run goes on where it stopped, and of several data sets or a "
            "grid give the folder of one"
        )
    if seed is not None and seed not in done:
        raise InputError(f"--seed: must be one of the finished seeds of {name}, {sorted(done)}, found {seed}")
    at = min(done) if seed is None else seed
    return store.cell_folder(run, name, at), done[at].header
