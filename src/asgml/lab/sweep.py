"""All cells of an experiment: which are done, which may run, what is tuned first, and that no folder mixes two configs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from asgml.lab import engine, engines, layout, own_code, shapes, store, tuning
from asgml.lab.config import Cell, Experiment, address, earlier, place, points
from asgml.lab.engine import Engine, Task, Watcher
from asgml.lab.errors import InputError
from asgml.lab.layout import Laid

Json = dict[str, Any]
SHARED = ("dataset", "model", "train", "tune", "primary")
"""What all cells of a folder have in common, so that a comparison of methods compares the methods.

`primary` is among it: what is tested is named before anything runs, and not changed after."""


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
    plain = [(point.folder, point.experiment) for point in points.of(experiment) if experiment.several]
    for folder, one in [("", experiment), *plain]:
        found = _experiment(place := out / folder / "experiment.json")
        _refuse_another(found and _today(Experiment, found), _dump(one), place, out)
    for laid in layout.cells(experiment, out):
        _refuse_cell(laid, out)


def _experiment(path: Path) -> Json | None:
    """What an `experiment.json` holds, checked; None where there is none."""
    found = store.read_record(path)
    return None if found is None else shapes.experiment(found, path)


def _refuse_cell(laid: Laid, out: Path) -> None:
    folder = laid.task.folder
    found = store.read_record(folder / "config.json")
    if found is not None and laid.known:
        _refuse_another(address.plain(_today(Cell, found)), address.plain(_dump(laid.cell)), folder, out)
    if found is None and folder.exists() and any(not f.name.startswith(".") for f in folder.iterdir()):
        raise InputError(f"{folder} has files in it but no config.json, so nothing tells what made them; {_way_out(out)}")


def _today(model: type[BaseModel], found: Json) -> Json:
    """Give what an earlier version wrote the settings that are new since, at their defaults."""
    try:
        return _dump(model.model_validate(earlier.filled(found)))
    except ValidationError:
        return found


def unfinished(experiment: Experiment, out: Path) -> list[Laid]:
    """Return the cells that have no result yet, or one that says that they failed."""
    return [laid for laid in layout.cells(experiment, out) if not laid.done]


def run(experiment: Experiment, out: Path, jobs: int | None, show: Show, cluster: Engine | None = None) -> Outcome:
    """Lay every cell out under `out`, run those that are not finished, and say which failed.

    A finished cell is left as it is; one that failed or was cut short runs again. `cluster` starts the cells (None: they
    start here), at most `jobs` of them at once, and is closed at the end.

    Raises:
        InputError: `out` was made by another config, or another sweep is at work in it.
        KeyboardInterrupt: on SIGINT or SIGTERM, when all children have ended.
    """
    try:
        _make(out)
        with FileLock(out / ".lock", timeout=0), contextlib.closing(cluster or engines.make()) as engine_:
            check(experiment, out)
            return _run(experiment, out, lambda cells: _train(cells, engine_, jobs, show))
    except Timeout:
        raise InputError(f"another run is at work in {out}; wait until it ends, or choose another folder with --out") from None
    except PermissionError as error:
        raise InputError(f"{error.filename or out} cannot be written to; choose another folder with --out") from error


def _run(experiment: Experiment, out: Path, train: Callable[[Sequence[Laid]], list[Task]]) -> Outcome:
    _write_experiments(experiment, out)
    trials, failed = _tune(experiment, out, train)
    for point in points.of(experiment):
        if point.experiment.tune:
            tuning.write(point.experiment, out / point.folder)
    reported = [laid for laid in layout.cells(experiment, out) if not laid.trial]
    for laid in reported if trials else ():
        _refuse_cell(laid, out)  # now that their settings are chosen
    failed += train([laid for laid in reported if laid.known])
    _write_addresses(trials + reported, out)
    return Outcome(len(trials) + len(reported), tuple(failed))


def _tune(experiment: Experiment, out: Path, train: Callable[[Sequence[Laid]], list[Task]]) -> tuple[list[Laid], list[Task]]:
    """Run trials for as long as some are known that were not tried now; return all of them, and those that failed."""
    begun, failed = set[Path](), list[Task]()
    while True:
        trials = [laid for laid in layout.cells(experiment, out) if laid.trial]
        fresh = [laid for laid in trials if laid.known and laid.task.folder not in begun]
        if not fresh:
            return trials, failed
        for laid in fresh if begun else ():
            _refuse_cell(laid, out)  # now that the sampler has proposed them
        failed += train(fresh)
        begun |= {laid.task.folder for laid in fresh}


def _write_experiments(experiment: Experiment, out: Path) -> None:
    plain = [(point.folder, point.experiment) for point in points.of(experiment) if experiment.several]
    for folder, one in [("", experiment), *plain]:
        _make(out / folder)
        path = out / folder / "experiment.json"
        store.write_json(path, _union(_experiment(path) or {}, _dump(one)))


def _write_addresses(cells: Sequence[Laid], out: Path) -> None:
    """Write `cells.json`: the folder of every cell by its address, those of earlier runs too."""
    before: Json = store.read_record(out / "cells.json") or {}
    found = {laid.cell.address: str(laid.task.folder.relative_to(out)) for laid in cells if laid.known}
    if (content := before | found) != before:
        store.write_json(out / "cells.json", content)


def _train(cells: Sequence[Laid], cluster: Engine, jobs: int | None, show: Show) -> list[Task]:
    """Run those that are not done; return those that failed, of which a trial that diverged is none."""
    todo = [laid for laid in cells if not laid.done]
    numbers = {laid.task.number for laid in todo}
    for laid in cells:
        if laid.task.number not in numbers:
            _write_config(laid.task.folder / "config.json", _dump(laid.cell), kept=())
            show.skipped(laid.task)
            continue
        folder = laid.task.folder
        _make(folder)
        _write_config(folder / "config.json", config := _dump(laid.cell))
        own_code.remember(config)
        (folder / "result.json").unlink(missing_ok=True)
    failed = engine.run([laid.task for laid in todo], cluster, jobs=jobs, watcher=show) if todo else []
    diverged = [laid.task for laid in todo if laid.trial and laid.done]
    return [task for task in failed if task not in diverged]


def _write_config(path: Path, config: Json, kept: Sequence[str] = address.KEPT) -> None:
    """Write the cell's config; of one that is there (and agrees, or the folder was refused) only what is kept may change.

    And where its data lie, if they are the same.
    """
    found = store.read_record(path)
    wanted = config if found is None else place.moved(found, config) | {key: config[key] for key in kept}
    if wanted != found:
        store.write_json(path, wanted)


def _dump(model: Any) -> Json:
    found: Json = model.model_dump(mode="json", by_alias=True)
    return found


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be made: {error.strerror}; choose another one with --out") from error


def _union(before: Json, now: Json) -> Json:
    """Keep what an earlier run in this folder had: methods (in its order where either adds some), seeds, data sets, points."""
    had, have = before.get("methods", {}), now["methods"]
    joined = have if had.keys() <= have.keys() else had | have
    more: Json = {}
    if "datasets" in now:
        more["datasets"] = before.get("datasets", {}) | now["datasets"]
    if "grid" in now:
        earlier = before.get("grid", {})
        more["grid"] = {path: [*(old := earlier.get(path, [])), *(v for v in values if v not in old)]
                        for path, values in now["grid"].items()}  # fmt: skip
    return now | more | {"methods": joined, "seeds": sorted({*before.get("seeds", []), *now["seeds"]})}


def _refuse_another(found: Json | None, wanted: Json, where: Path, out: Path) -> None:
    if found is None:
        return
    if "methods" in wanted:  # an experiment: the methods that both have, beside what all cells share
        both = sorted(wanted["methods"].keys() & found.get("methods", {}).keys())
        found, wanted = ({key: e[key] for key in SHARED if key in e} | {"methods": {m: e["methods"][m] for m in both}}
                         | {"grid": list(e.get("grid", {}))} for e in (found, wanted))  # fmt: skip
    before, now = (dict(_leaves(settings)) for settings in place.alike(found, wanted))
    differ = [f"`{key}` was {before.get(key, 'not there')} and is {now.get(key, 'not there')}"
              for key in sorted(before | now) if before.get(key) != now.get(key)]  # fmt: skip
    if any(word.startswith("`dataset.content`") for word in differ):
        differ.append(f"so the data in {_data_place(wanted)} are others, or have changed since")
    if differ:
        raise InputError(f"{where} was made by another config: {'; '.join(differ)}; {_way_out(out)}")


def _data_place(settings: Json) -> str:
    return next(str(settings["dataset"][key]) for key in place.NAMES if key in settings["dataset"])


def _way_out(out: Path) -> str:
    return f"give the experiment another name (--set name=...) or another folder (--out), or remove {out}"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every plain value with the path to it, as text that tells 1 from 1.0 and from "1"."""
    if not isinstance(value, dict | list):
        yield path, repr(value)
        return
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _leaves(inner, f"{path}.{key}".lstrip("."))
