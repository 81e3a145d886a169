"""A study of several data sets or points: a report for each, and an index that shows them all side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from asgml.lab import store
from asgml.lab.config import Experiment, points
from asgml.lab.config.load import validate
from asgml.lab.report import damage, folders, measures, primary, publish, words
from asgml.lab.report.document import Block, Document, Heading, Listing, Mono, Paragraph, Table, Text, listed
from asgml.lab.report.model import Method, Study, unique
from asgml.lab.report.primary import Tested
from asgml.lab.report.sections import primary as primary_section
from asgml.lab.report.sections import tuning

FILES = ("index.md", "index.html", "index.json")
SCHEMA = 1
Places = list[tuple[points.Point, Study]]


def several(run: Path) -> Experiment | None:
    """The experiment in this folder, where it is one of several data sets or points."""
    try:
        settings = store.read_json(run / "experiment.json")
    except damage.UNREADABLE:
        return None  # what reads a plain run says what is wrong
    return validate(settings) if isinstance(settings, dict) and settings.keys() & {"datasets", "grid"} else None


def write(experiment: Experiment, run: Path, to: Path, epochs: Sequence[int] | None) -> dict[str, Any]:
    """Write every point's report in a folder of its own, and the index; return what `index.json` holds."""
    found = [p for p in points.of(experiment) if (run / p.folder / "experiment.json").exists()]
    places = [(point, folders.read(run / point.folder)) for point in found]
    summaries = [publish.one(study, to / point.folder, epochs) for point, study in places]
    named = [comparison.model_dump() for comparison in experiment.primary]
    tested = primary.tests(named, [(point.dataset, study) for point, study in places])
    index: dict[str, Any] = {"schema": SCHEMA, "experiment": experiment.name, "primary": primary.summary(tested)}
    index["points"] = [{"folder": point.folder, "dataset": point.dataset, "settings": dict(point.settings), "summary": summary}
                       for (point, _), summary in zip(places, summaries, strict=True)]  # fmt: skip
    publish.files(compose(experiment, places, tested), index, to, FILES)
    return index


def compose(experiment: Experiment, places: Places, tested: Sequence[Tested]) -> Document:
    """The index as blocks."""
    runs = sum(len(study.runs) for _, study in places)
    blocks: list[Block] = [*_warnings(places), Heading("Overview"), Listing(tuple(_overview(experiment, places)))]
    score = measures.score_of(places[0][1]) if places else "accuracy"
    blocks += [Heading("Results"), *primary_section.blocks(tested, score), *_tables(places, score)]
    blocks += [Heading("Reports"), Listing(tuple(_report(point, study) for point, study in places))]
    title, subtitle = f"{experiment.name}: all data sets and points", f"{len(places)} points, {runs} finished runs"
    return Document(title, subtitle, tuple(blocks))


def _warnings(places: Places) -> list[Block]:
    lost = {point.folder: n for point, study in places if (n := sum(len(m.failed) for m in study.methods))}
    said: list[Text] = [f"Incomplete: {listed(f'{n} cells of {at}' for at, n in lost.items())} have no result."] if lost else []
    for point, study in places:
        notes: list[Text] = [f"{note}." for note in (*study.left_out, *study.notes)]
        said += [(Mono(point.folder), ": ", *_parts(text)) for text in [*notes, *tuning.warnings(study)]]
    return [Paragraph(text, "warning") for text in said]


def _parts(text: Text) -> tuple[Any, ...]:
    return text if isinstance(text, tuple) else (text,)


def _overview(experiment: Experiment, places: Places) -> list[Text]:
    found: list[Text] = [f"Data sets: {listed(experiment.datasets)}."] if experiment.datasets else []
    found += [f"Grid: {path} in {', '.join(map(str, values))}." for path, values in experiment.grid.items()]
    found.append(f"Seeds: {listed(map(str, experiment.seeds))}.")
    tuned = [study.tuning for _, study in places if study.tuning]
    return [*found, *([f"{tuning.budget(tuned[0])} Each point is tuned by itself."] if tuned else [])]


def _tables(places: Places, score: str) -> list[Block]:
    measure = measures.chosen(measures.SCORES[score])
    head = f"Test {score} at the epoch chosen on validation"
    blocks: list[Block] = [Heading(head, 3), _table(places, lambda _, m: level(m, measure)), Paragraph(LEVELS, "note")]
    blocks += [Heading("Differences to the baseline, paired by seed (exploratory)", 3)]
    blocks += [_table(places, lambda study, m: _difference(study, m, measure)), Paragraph(DIFFERENCES, "note")]
    if any(study.tuning for _, study in places):
        blocks += [Heading("Chosen settings", 3), _table(places, _chosen), Paragraph(EDGES, "note")]
    return blocks


LEVELS = "Mean, standard deviation over seeds, and their number."
DIFFERENCES = "Mean and 95% t interval, uncorrected; exploratory, so without a p: p stands with the primary comparisons alone."
EDGES = "An asterisk marks a choice at an edge of the grid."


def _table(places: Places, cell: Callable[[Study, Method], str]) -> Table:
    names = unique(m.name for _, study in places for m in study.methods)
    rows: list[tuple[Text, ...]] = [(Mono(name), *(cell_of(study, name, cell) for _, study in places)) for name in names]
    return Table(("Method", *(point.folder for point, _ in places)), tuple(rows))


def cell_of(study: Study, name: str, cell: Callable[[Study, Method], str]) -> str:
    """The cell of a method by its name; a dash where the study has none of it."""
    return next((cell(study, m) for m in study.methods if m.name == name), words.NONE)


def level(method: Method, measure: measures.Measure) -> str:
    """`53.00% ± 1.00 (n=3)`."""
    found = measures.estimate(method, measure)
    return words.NONE if found is None else f"{words.percent_spread(found, found.n)} (n={found.n})"


def _difference(study: Study, method: Method, measure: measures.Measure) -> str:
    found = measures.change(method, study.baseline, measure) if study.baseline and method is not study.baseline else None
    return words.NONE if found is None else f"{words.difference(found)} ({words.interval(found.interval, found.n)})"


def _chosen(study: Study, method: Method) -> str:
    found = (study.tuning or {}).get("methods", {}).get(method.name)
    if found is None or found["chosen"] is None:
        return words.NONE
    return ", ".join(f"{path} = {value}{'*' * (path in found['edges'])}" for path, value in found["chosen"].items())


def _report(point: points.Point, study: Study) -> Text:
    return (Mono(f"{point.folder}/report.html"), f": {len(study.runs)} finished runs.")
