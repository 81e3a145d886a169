"""Experiments side by side: levels for all, differences only where the data are the same and seeds are shared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asgml.lab.config import place
from asgml.lab.report import index, markdown, measures, places, publish, summary, words
from asgml.lab.report.document import Block, Document, Heading, Listing, Mono, Paragraph, Table, Text, listed
from asgml.lab.report.model import Method, Study, unique
from asgml.lab.report.places import Place

FILES = ("compare.md", "compare.html", "compare.json")
LEVELS = "Mean, standard deviation over seeds, and their number; test set, at the epoch chosen on validation."
PAIRED = ("{second} less {first}: mean and 95% t interval over the shared seeds, uncorrected and exploratory. It is a "
          "difference of whatever settings differ, listed above, not of methods.")  # fmt: skip
NOT_PAIRED = "No difference is shown: {why}."


def text(runs: Sequence[Path]) -> str:
    """The comparison of several runs as Markdown, the first of which is the reference.

    Raises:
        InputError: one of them is no run, or there are fewer than two studies.
    """
    return markdown.render(compose(places.of_all(runs)))


def write(runs: Sequence[Path], to: Path) -> tuple[Path, ...]:
    """Write the same as Markdown, as a page, and as JSON with each study's summary; return where."""
    found = places.of_all(runs)
    experiments = [{"name": place.name, "summary": summary.summarise(place.study)} for place in found]
    publish.files(compose(found), {"schema": 1, "experiments": experiments}, to, FILES)
    return tuple(to / name for name in FILES)


def compose(found: Sequence[Place]) -> Document:
    """The comparison as blocks."""
    score = measures.score_of(found[0].study)
    blocks: list[Block] = [*_warnings(found), Heading("Results"), _levels(found, score), Paragraph(LEVELS, "note")]
    for other in found[1:]:
        blocks += [Heading(f"{other.name} against {found[0].name}"), *_against(found[0], other, score)]
    finished = sum(len(p.study.runs) for p in found)
    subtitle = f"{len(found)} experiments, {finished} finished runs, by test {score}"
    return Document("Experiments side by side", subtitle, tuple(blocks))


def data_differ(a: Study, b: Study) -> list[str]:
    """In words, what of the data or their split is not the same; empty where all that was logged agrees."""
    one, other = place.alike(a.settings or {}, b.settings or {})
    found = _unequal("dataset", one.get("dataset") or {}, other.get("dataset") or {})
    kept = ("sizes", "classes", "note")
    return found + _unequal("logged", *({k: s.header.get(k) for k in kept} for s in (a, b)))


def settings_differ(a: Study, b: Study) -> list[str]:
    """In words, which settings of training and model are not the same."""
    return [said for part in ("train", "model")
            for said in _unequal(part, *((s.settings or {}).get(part) or {} for s in (a, b)))]  # fmt: skip


def _unequal(part: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    keys = [k for k in unique([*a, *b]) if a.get(k) != b.get(k)]
    return [f"{part}.{key} is {_short(a.get(key))} and {_short(b.get(key))}" for key in keys]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _warnings(found: Sequence[Place]) -> list[Block]:
    first = found[0]
    lost = [f"{p.name}: {n}" for p in found if (n := sum(len(m.failed) for m in p.study.methods))]
    said: list[Text] = [f"Cells without a result: {listed(lost)}."] if lost else []
    said += [f"{p.name}: {cell}." for p in found for cell in p.study.left_out]
    for other in found[1:]:
        if differ := data_differ(first.study, other.study):
            said.append(f"{first.name} and {other.name} are not on the same data or split: {listed(differ)}.")
        if (a := _seeds(first.study)) != (b := _seeds(other.study)):
            said.append(f"{first.name} and {other.name} have different seeds: {_numbers(a)}, and {_numbers(b)}.")
    return [Paragraph(text, "warning") for text in said]


def _seeds(study: Study) -> set[int]:
    return {run.seed for run in study.runs}


def _numbers(seeds: set[int]) -> str:
    return listed(map(str, sorted(seeds)))


def _levels(found: Sequence[Place], score: str) -> Table:
    names, measure = unique(m.name for p in found for m in p.study.methods), measures.chosen(measures.SCORES[score])
    level = lambda _, method: index.level(method, measure)
    rows = (_row(name, [index.cell_of(p.study, name, level) for p in found]) for name in names)
    return Table(("Method", *(p.name for p in found)), tuple(rows))


def _row(name: str, cells: Sequence[str]) -> tuple[Text, ...]:
    return (Mono(name), *cells)


def _against(first: Place, other: Place, score: str) -> list[Block]:
    settings = settings_differ(first.study, other.study)
    blocks: list[Block] = [Listing(tuple(f"{said}." for said in settings))] if settings else []
    if differ := data_differ(first.study, other.study):
        return [*blocks, Paragraph(NOT_PAIRED.format(why=f"the data or their split differ ({listed(differ)})"))]
    base = {m.name: m for m in first.study.methods}
    rows = [row for m in other.study.methods if m.name in base and (row := _difference(m, base[m.name], score))]
    if not rows:
        return [*blocks, Paragraph(NOT_PAIRED.format(why="no method of one name shares a seed"))]
    table = Table(("Method", f"Difference in {score}", "95% interval (paired t)", "Pairs"), tuple(rows))
    return [*blocks, table, Paragraph(PAIRED.format(first=first.name, second=other.name), "note")]


def _difference(own: Method, reference: Method, score: str) -> tuple[Text, ...] | None:
    found = measures.change(own, reference, measures.chosen(measures.SCORES[score]))
    if found is None:
        return None
    return (Mono(own.name), words.difference(found), words.interval(found.interval, found.n), str(found.n))
