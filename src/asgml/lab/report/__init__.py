"""Reads what runs logged and writes the analysis: `analysis.md`, `report.html`, `summary.json`. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asgml.lab import store
from asgml.lab.report import events, folders, markdown, page, sections, summary
from asgml.lab.report.model import Study

__all__ = ["write", "write_tensorboard"]


def write(run: Path, *, to: Path | None = None, epochs: Sequence[int] | None = None) -> dict[str, Any]:
    """Analyse the folder of a run; returns what `summary.json` holds.

    Args:
        run: the folder that holds `experiment.json` and `<method>/seed<seed>/`.
        to: where the three files go; the run's folder if None.
        epochs: the rows of the trajectories; chosen if None.

    Raises:
        InputError: `run` is no run, or an epoch in `epochs` was never logged.
    """
    return _publish(folders.read(run), run if to is None else to, epochs)


def write_tensorboard(folders: Mapping[str, Path], *, to: Path, epochs: Sequence[int] | None = None) -> dict[str, Any]:
    """Analyse event files that any program logged: method name -> folder, searched recursively; one seed per folder.

    Raises:
        InputError: a folder is missing, holds no event file or no tag `test/probe_acc_<modality>`, or an epoch in `epochs` was
            never logged.
    """
    return _publish(events.read(folders, to.absolute().name), to, epochs)


def _publish(study: Study, to: Path, epochs: Sequence[int] | None) -> dict[str, Any]:
    found = summary.summarise(study)
    document = sections.compose(study, epochs)
    texts = {"analysis.md": markdown.render(document), "report.html": page.render(document)}
    to.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        store.write_atomic(to / name, text.encode())
    store.write_json(to / "summary.json", found)
    return found
