"""Reads event files that any program logged with TensorBoard's tags into a study: every point of every scalar."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgml.lab import run_folder
from asgml.lab.errors import InputError
from asgml.lab.report import event_files, event_values
from asgml.lab.report.model import Method, Run, Study, unique

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
    files = run_folder.event_files(name, folder)
    folders = sorted({f.parent for f in files})
    logged = {seed: _logged(sorted((f for f in files if f.parent == seed), key=_written)) for seed in folders}
    probed = {seed: found for seed, found in logged.items() if _modalities(found.points)}
    hurt = [f"{name}: {seed}: {words}" for seed, found in logged.items() if seed not in probed for words in found.notes]
    if not probed:
        tags = ", ".join(sorted({tag for found in logged.values() for tag in found.points})[:8]) or "no scalar"
        raise InputError(f"{name}: the event files in {folder} must hold tags test/probe_acc_<modality>, found {tags}; "
                         + "".join(f"{words}; " for words in hurt)
                         + "log the test-set accuracy of a probe per modality under these tags")  # fmt: skip
    notes = [*hurt, *(f"{name}: {seed} holds event files without any test/probe_acc tag and was left out"
                      for seed in logged if seed not in probed)]  # fmt: skip
    numbers, counted = _seeds(list(probed), folder)
    if counted and len(probed) > 1:
        notes.append(f"{name}: the folders do not each name a seed of their own (seed<k>), so seeds are numbered by the "
                     "order of the paths; pairing by seed assumes the same order in every method")  # fmt: skip
    percent = event_values.in_percent(found.points for found in probed.values())
    notes += [f"{name}: {words}" for words in event_values.percent_words(percent)]
    runs = [_run(seed, n, found, percent) for n, (seed, found) in zip(numbers, probed.items(), strict=True)]
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


def _run(folder: Path, seed: int, found: Logged, percent: frozenset[str]) -> Run:
    series, notes = event_values.cleaned(found.points, percent)
    kept = tuple(m for m in _modalities(found.points) if f"test/probe_acc_{m}" in series)
    return Run(seed, str(folder), series, kept, notes=(*found.notes, *notes))


def _modalities(points: Points) -> tuple[str, ...]:
    found = (PROBE.fullmatch(tag) for tag in points)
    return order(match[1] for match in found if match and match[1] != JOINT)


@dataclass(frozen=True, slots=True)
class Logged:
    """What the files of one folder hold."""

    points: Points
    notes: tuple[str, ...]
    """What could not be read, and what was logged a second time."""


def _logged(files: list[Path]) -> Logged:
    """Read a folder's files: of two values at one step the later file's, and line, counts, as after a restart."""
    points: Points = {}
    notes, again = list[str](), event_values.Again()
    for file in files:
        for event in _events(file, notes.append):
            if event.HasField("session_log") and event.session_log.status == event.session_log.START:
                again.purged(file.name, points, event.step)
                _purge(points, event.step)
            for value in event.summary.value:
                if (number := _scalar(value)) is not None:
                    at = points.setdefault(value.tag, {})
                    again.saw(file.name, value.tag, event.step, at, number)
                    at[event.step] = number
    return Logged(points, (*notes, *again.notes(points)))


def _events(file: Path, hurt: event_files.Hurt) -> Iterator[Any]:
    """Every event of a file. Not EventAccumulator: it samples 10,000 points a tag, and purges by its own rules."""
    try:
        yield from event_files.events(file, hurt)
    except OSError as error:
        hurt(f"{file.name} cannot be read ({error.strerror})")


def _purge(points: Points, step: int) -> None:
    """A writer that starts again at a step takes back what was logged from there on."""
    for at in points.values():
        for old in [s for s in at if s >= step]:
            del at[old]


def _scalar(value: Any) -> float | None:
    """A scalar logged as such, or as a tensor of one number (TensorFlow 2, `tensorboard.summary.Writer`)."""
    from tensorboard.util import tensor_util

    if value.HasField("simple_value"):
        return float(value.simple_value)
    if not value.HasField("tensor") or value.metadata.plugin_data.plugin_name not in ("scalars", ""):
        return None
    array = tensor_util.make_ndarray(value.tensor)
    return float(array.item()) if array.size == 1 and array.dtype.kind in "fiu" else None
