"""What tuning tried, with which budget, and what each method took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asgml.lab.report import words
from asgml.lab.report.document import Block, Heading, Mono, Paragraph, Strong, Table, Text, listed
from asgml.lab.report.model import Study
from asgml.lab.tasks import scoring

TITLE = "Tuning"


def blocks(study: Study) -> list[Block]:
    """A heading of level 3, the budget, and a row per method; nothing where nothing was tuned."""
    if not study.tuning:
        return []
    trials = next(iter(study.tuning["methods"].values()))["trials"]
    columns = ("Method", "Chosen", *(_settings(t["settings"]) for t in trials))
    rows = tuple(_row(name, found) for name, found in study.tuning["methods"].items())
    note = Paragraph(NOTE.format(study.scoring.score.name), "note")
    return [Heading(TITLE, 3), Paragraph(budget(study.tuning)), Table(columns, rows, labels=2), note]


NOTE = ("Columns are the validation {} of each trial, mean over the tuning seeds; the one in bold was taken, the first "
        "of equals. A trial with a seed that diverged is worse than any without. The test set took no part.")  # fmt: skip


def budget(tuning: Mapping[str, Any]) -> str:
    """How much every method was given."""
    grid = listed(f"{path} in {', '.join(map(str, values))}" for path, values in tuning["over"].items())
    return (f"Every method, baseline included, had the same budget: {tuning['trials']} settings ({grid}) x "
            f"{len(tuning['seeds'])} seeds ({listed(map(str, tuning['seeds']))}), which are no reported ones.")  # fmt: skip


def _row(name: str, found: Mapping[str, Any]) -> tuple[Text, ...]:
    chosen = found["chosen"]
    taken = "not chosen yet" if chosen is None else _settings(chosen)
    return (Mono(name), taken, *(_trial(t, t["settings"] == chosen) for t in found["trials"]))


def _trial(trial: Mapping[str, Any], taken: bool) -> Text:
    ends = [f"{len(trial[key])} {key}" for key in ("diverged", "missing") if trial[key]]
    text = f"{words.percent(scoring.validation_score(trial))}{f' ({listed(ends)})' if ends else ''}"
    return Strong(text) if taken else text


def _settings(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{path} = {value}" for path, value in settings.items())


def warnings(study: Study) -> list[Text]:
    """Choices at an edge of the grid: a larger grid may hold better ones, so that method is compared below its best."""
    methods = (study.tuning or {}).get("methods", {})
    edged = {m: f["edges"] for m, f in methods.items() if f["edges"]}
    parts = {path: [m for m, edges in edged.items() if path in edges] for edges in edged.values() for path in edges}
    return [f"Tuning chose an edge of the grid of {path} for {len(names)} of {len(methods)} methods ({listed(names)}): better "
            "values may lie beyond it." for path, names in parts.items()]  # fmt: skip
