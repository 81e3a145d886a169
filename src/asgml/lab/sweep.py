"""The grid of an experiment: which cells are done, which may run, and that no folder mixes two configs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from asgml.lab import engine, store
from asgml.lab.config import Experiment
from asgml.lab.engine import Task, Watcher
from asgml.lab.errors import InputError
from asgml.lab.launch import NURSERY

Json = dict[str, Any]
SHARED = ("dataset", "model", "train")
"""What all cells of a folder have in common, so that a comparison of methods compares the methods."""
START: Mapping[str, Any] = {"command": engine.trial, "nursery": NURSERY}
"""How the engine starts a cell."""


class Show(Watcher, Protocol):
    """A watcher that is told about the cells that are already done, too."""

    def skipped(self, task: Task) -> None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many cells an experiment has, and those that failed now."""

    cells: int
    failed: tuple[Task, ...]


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check(experiment: Experiment, out: Path) -> None:
    """Refuse a folder that holds what another config made; nothing is written.

    More or fewer methods and seeds, and another order of them, are no other config.

    Raises:
        InputError: it names the settings that differ, with both values.
    """
    _refuse_another(_read(out / "experiment.json"), _dump(experiment), out / "experiment.json", out)
    for task, config in _cells(experiment, out):
        found = _read(task.folder / "config.json")
        _refuse_another(found, config, task.folder, out)
        if found is None and task.folder.exists() and any(not f.name.startswith(".") for f in task.folder.iterdir()):
            raise InputError(
                f"{task.folder} has files in it but no config.json, so nothing tells what made them; {_way_out(out)}"
            )


def unfinished(experiment: Experiment, out: Path) -> list[Task]:
    """Return the cells that have no result yet, or one that says that they failed."""
    tasks = [task for task, _ in _cells(experiment, out)]
    return [t for t in tasks if (_read(t.folder / "result.json") or {}).get("status") != "finished"]


def run(experiment: Experiment, out: Path, jobs: int, show: Show, start: Mapping[str, Any] = START) -> Outcome:
    """Lay every cell out under `out`, run those that are not finished, and say which failed.

    A finished cell is left as it is; one that failed or was cut short runs again.

    Raises:
        InputError: `out` was made by another config, or another sweep is at work in it.
        KeyboardInterrupt: on SIGINT or SIGTERM, when all children have ended.
    """
    try:
        _make(out)
        with FileLock(out / ".lock", timeout=0):
            check(experiment, out)
            return _run(experiment, out, jobs, show, start)
    except Timeout:
        raise InputError(f"another run is at work in {out}; wait until it ends, or choose another folder with --out") from None
    except PermissionError as error:
        raise InputError(f"{error.filename or out} cannot be written to; choose another folder with --out") from error


def _run(experiment: Experiment, out: Path, jobs: int, show: Show, start: Mapping[str, Any]) -> Outcome:
    store.write_json(out / "experiment.json", _union(_read(out / "experiment.json") or {}, _dump(experiment)))
    todo = unfinished(experiment, out)
    cells = list(_cells(experiment, out))
    for task, config in cells:
        if task not in todo:
            show.skipped(task)
            continue
        _make(task.folder)
        if not (task.folder / "config.json").exists():
            store.write_json(task.folder / "config.json", config)
        (task.folder / "result.json").unlink(missing_ok=True)
    return Outcome(len(cells), tuple(engine.run(todo, jobs=jobs, watcher=show, **start)))


def _cells(experiment: Experiment, out: Path) -> Iterator[tuple[Task, Json]]:
    for number, cell in enumerate(experiment.cells(), 1):
        folder = store.cell_folder(out, cell.method, cell.seed)
        yield Task(number, cell.method, cell.seed, folder, cell.epochs, cell.train.threads), _dump(cell)


def _dump(model: Any) -> Json:
    found: Json = model.model_dump(mode="json", by_alias=True)
    return found


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be made: {error.strerror}; choose another one with --out") from error


def _read(path: Path) -> Json | None:
    try:
        found: Json | None = store.read_json(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); remove it if nothing in its folder is worth keeping") from error
    return found


def _union(before: Json, now: Json) -> Json:
    """Keep the methods and seeds that an earlier run in this folder had; the earlier order holds where either adds some."""
    had, have = before.get("methods", {}), now["methods"]
    joined = have if had.keys() <= have.keys() else had | have
    return now | {"methods": joined, "seeds": sorted({*before.get("seeds", []), *now["seeds"]})}


def _refuse_another(found: Json | None, wanted: Json, where: Path, out: Path) -> None:
    if found is None:
        return
    if "methods" in wanted:  # an experiment: the methods that both have, beside what all cells share
        both = wanted["methods"].keys() & found.get("methods", {}).keys()
        found, wanted = ({key: e.get(key) for key in SHARED} | {"methods": {m: e["methods"][m] for m in sorted(both)}}
                         for e in (found, wanted))  # fmt: skip
    before, now = dict(_leaves(found)), dict(_leaves(wanted))
    differ = [f"`{key}` was {before.get(key, 'not there')} and is {now.get(key, 'not there')}"
              for key in sorted(before | now) if before.get(key) != now.get(key)]  # fmt: skip
    if differ:
        raise InputError(f"{where} was made by another config: {'; '.join(differ)}; {_way_out(out)}")


def _way_out(out: Path) -> str:
    return f"give the experiment another name (--set name=...) or another folder (--out), or remove {out}"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every plain value with the path to it, as text that tells 1 from 1.0 and from "1"."""
    if not isinstance(value, dict | list):
        yield path, repr(value)
        return
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _leaves(inner, f"{path}.{key}".lstrip("."))
