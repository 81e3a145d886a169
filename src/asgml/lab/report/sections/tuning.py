"""What tuning tried, with which budget, and what each method took."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
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
    score = study.scoring.score.name
    head: list[Block] = [Heading(TITLE, 3), Paragraph(budget(study.tuning))]
    if "space" in study.tuning:
        return [*head, _searched(study.tuning, score), Paragraph(SEARCHED.format(score), "note")]
    trials = next(iter(study.tuning["methods"].values()))["trials"]
    columns = ("Method", "Chosen", *(_settings(t["settings"]) for t in trials))
    rows = tuple(_row(name, found) for name, found in study.tuning["methods"].items())
    return [*head, Table(columns, rows, labels=2), Paragraph(NOTE.format(score), "note")]


NOTE = ("Columns are the validation {} of each trial, mean over the tuning seeds; the one in bold was taken, the first "
        "of equals. A trial with a seed that diverged is worse than any without. The test set took no part.")  # fmt: skip


SEARCHED = (
    "The sampler proposed the settings of each method from that method's own trials; one seed gave all methods the same first "
    "ones. The best mean validation {} over the tuning seeds was taken, the first of equals. A trial with a seed that "
    "diverged is worse than any without. The test set took no part."
)


def _searched(tuning: Mapping[str, Any], score: str) -> Table:
    """A row per method: what it took, found when, and how far the others lie below."""
    columns = ("Method", "Chosen", "Found by trial", f"Validation {score}", "Median of all trials", "Diverged", "Missing")
    return Table(columns, tuple(_found(name, found) for name, found in tuning["methods"].items()), labels=2)


def _found(name: str, found: Mapping[str, Any]) -> tuple[Text, ...]:
    trials, chosen = found["trials"], found["chosen"]
    scores = [scoring.validation_score(t) for t in trials]
    means = [score for score in scores if score is not None]
    lost = (str(sum(bool(t[key]) for t in trials)) for key in ("diverged", "missing"))
    number = next((n for n, t in enumerate(trials, 1) if chosen is not None and t["settings"] == chosen), None)
    best = None if number is None else scores[number - 1]
    taken = "not chosen yet" if chosen is None else _settings(chosen)
    return (Mono(name), taken, "-" if number is None else str(number), Strong(words.percent(best)),
            words.percent(statistics.median(means) if means else None), *lost)  # fmt: skip


def budget(tuning: Mapping[str, Any]) -> str:
    """How much every method was given."""
    if "space" in tuning:
        space = listed(f"{path} {_choice(values)}" for path, values in tuning["space"].items())
        return (f"Every method, baseline included, had the same budget: {tuning['trials']} trials that Optuna's "
                f"{tuning['sampler']} sampler drew from {space}, x {len(tuning['seeds'])} seeds "
                f"({listed(map(str, tuning['seeds']))}), which are no reported ones.")  # fmt: skip
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


def _choice(values: Mapping[str, Any] | Sequence[Any]) -> str:
    if not isinstance(values, Mapping):
        return f"in {', '.join(map(str, values))}"
    return f"from {values['low']} to {values['high']}{' (log scale)' if values['log'] else ''}"


def _settings(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{path} = {value}" for path, value in settings.items())


def warnings(study: Study) -> list[Text]:
    """Choices at an edge of the grid: a larger grid may hold better ones, so that method is compared below its best."""
    methods = (study.tuning or {}).get("methods", {})
    edged = {m: f["edges"] for m, f in methods.items() if f["edges"]}
    parts = {path: [m for m, edges in edged.items() if path in edges] for edges in edged.values() for path in edges}
    tried = "range" if "space" in (study.tuning or {}) else "grid"
    return [f"Tuning chose an edge of the {tried} of {path} for {len(names)} of {len(methods)} methods ({listed(names)}): "
            "better values may lie beyond it." for path, names in parts.items()]  # fmt: skip
