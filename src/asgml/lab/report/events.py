"""Reads event files that any program logged with TensorBoard's tags into a study: every point of every scalar."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from asgml.lab.errors import InputError
from asgml.lab.report.model import Method, Run, Study, finite, unique

PROBE = re.compile(r"test/probe_acc_(.+)")
JOINT = "joint"
"""`test/probe_acc_joint` is the probe on the fused features: no modality."""
Points = dict[str, dict[int, Any]]


def read(folders: Mapping[str, Path], name: str) -> Study:
    """Read one method per folder, searched recursively: each folder in it that holds event files is one seed.

    Raises:
        InputError: a folder is missing, holds no event file, or none of its files has a tag `test/probe_acc_<modality>`.
    """
    if not folders:
        raise InputError("folders: must name one folder or more, found none; write NAME=DIR")
    found = [_method(method, folder) for method, folder in folders.items()]
    methods = tuple(method for method, _ in found)
    notes = tuple(note for _, noted in found for note in noted)
    modalities = order(m for method in methods for m in method.modalities)
    return Study(name, "event files", methods, modalities, None, notes)


def order(modalities: Iterator[str]) -> tuple[str, ...]:
    """Order of first appearance, but audio before visual, as every table of the field has it."""
    names = list(unique(modalities))
    if {"audio", "visual"} <= set(names) and (a := names.index("audio")) > (v := names.index("visual")):
        names[a], names[v] = "visual", "audio"
    return tuple(names)


def _method(name: str, folder: Path) -> tuple[Method, list[str]]:
    if not folder.is_dir():
        raise InputError(f"{name}: must be a folder of event files, found none at {folder}; check the path")
    files = sorted(path for path in folder.rglob("*tfevents*") if path.is_file())
    if not files:
        raise InputError(f"{name}: {folder} must hold event files (*tfevents*), found none, nor in any folder below it")
    read = {
        seed: _points(sorted((f for f in files if f.parent == seed), key=_written))
        for seed in sorted({f.parent for f in files})
    }
    probed = {seed: points for seed, points in read.items() if _modalities(points)}
    if not probed:
        tags = ", ".join(sorted({tag for points in read.values() for tag in points})[:8]) or "no scalar"
        raise InputError(f"{name}: the event files in {folder} must hold tags test/probe_acc_<modality>, found {tags}; "
                         "log the test-set accuracy of a probe per modality under these tags")  # fmt: skip
    notes = [f"{name}: {seed} holds event files without any test/probe_acc tag and was left out"
             for seed in read if seed not in probed]  # fmt: skip
    numbers, counted = _seeds(list(probed), folder)
    if counted and len(probed) > 1:
        notes.append(f"{name}: the folders do not each name a seed of their own (seed<k>), so seeds are numbered by the "
                     "order of the paths; pairing by seed assumes the same order in every method")  # fmt: skip
    runs = [_run(seed, n, points) for n, (seed, points) in zip(numbers, probed.items(), strict=True)]
    return Method(name, tuple(sorted(runs, key=lambda run: run.seed))), notes


def _written(file: Path) -> list[tuple[int, str]]:
    """The order in which a folder's files were written: their names hold time, host, process and a counter, unpadded."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", file.name)]


def _seeds(paths: list[Path], root: Path) -> tuple[list[int], bool]:
    """Seed numbers from the last `seed<k>` of each path, else by order; and whether they had to be counted."""
    named = [re.findall(r"seed[-_]?(\d+)", "/".join([root.name, *path.relative_to(root).parts])) for path in paths]
    numbers = [int(found[-1]) for found in named if found]
    if len(set(numbers)) == len(paths):
        return numbers, False
    return list(range(len(paths))), True


def _run(folder: Path, seed: int, points: Points) -> Run:
    series, notes = finite(points)
    kept = tuple(m for m in _modalities(points) if f"test/probe_acc_{m}" in series)
    return Run(seed, str(folder), series, kept, notes=notes)


def _modalities(points: Points) -> tuple[str, ...]:
    found = (PROBE.fullmatch(tag) for tag in points)
    return order(match[1] for match in found if match and match[1] != JOINT)


def _points(files: list[Path]) -> Points:
    """Tag -> step -> value: of two values at one step the later file's, and line, counts, as after a restart."""
    points: Points = {}
    for file in files:
        for event in _events(file):
            if event.HasField("session_log") and event.session_log.status == event.session_log.START:
                _purge(points, event.step)
            for value in event.summary.value:
                if (number := _scalar(value)) is not None:
                    points.setdefault(value.tag, {})[event.step] = number
    return points


def _purge(points: Points, step: int) -> None:
    """A writer that starts again at a step takes back what was logged from there on."""
    for at in points.values():
        for old in [s for s in at if s >= step]:
            del at[old]


def _events(file: Path) -> Iterator[Any]:
    """Every event of a file. Not EventAccumulator: it samples 10,000 points a tag, and purges by its own rules."""
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    yield from LegacyEventFileLoader(str(file)).Load()


def _scalar(value: Any) -> float | None:
    """A scalar logged as such, or as a tensor of one number (TensorFlow 2, `tensorboard.summary.Writer`)."""
    from tensorboard.util import tensor_util

    if value.HasField("simple_value"):
        return float(value.simple_value)
    if not value.HasField("tensor") or value.metadata.plugin_data.plugin_name not in ("scalars", ""):
        return None
    array = tensor_util.make_ndarray(value.tensor)
    return float(array.item()) if array.size == 1 and array.dtype.kind in "fiu" else None
