"""The methods in the order of their test accuracy, with what each reached and what it cost: one row each."""

from __future__ import annotations

from collections.abc import Callable

from asgml.lab.report import measures, words
from asgml.lab.report.document import Block, Heading, Paragraph, Table
from asgml.lab.report.model import Method, Study
from asgml.lab.report.sections import common

TITLE = "Leaderboard"
NOTE = ("In the order of the mean {score}. That one method stands above another says nothing yet: section Performance has the "
        "paired differences and what these seeds can show.")  # fmt: skip
Cell = Callable[[Method], str]


def blocks(study: Study) -> list[Block]:
    """The section; nothing where no score was logged."""
    score = measures.score_of(study)
    reached = measures.chosen(measures.SCORES[score])
    means = {m.name: found.mean for m in study.methods if (found := measures.estimate(m, reached))}
    if not means:
        return []
    columns = _columns(study, score)
    ranked = sorted((m for m in study.methods if m.runs), key=lambda m: -means.get(m.name, -1.0))
    rows = tuple((*common.head(m), *(cell(m) for cell in columns.values())) for m in ranked)
    table = Table(("Method", "n", *columns), rows, sortable=True, sorted_by=2)
    return [Heading(TITLE), table, Paragraph(NOTE.format(score=score), "note")]


def _columns(study: Study, score: str) -> dict[str, Cell]:
    """Column -> its cell: the score that ranks first, then the other, then the gap, then the cost."""
    first, *others = sorted(measures.SCORES, key=lambda name: name != score)
    logged = [first, *(o for o in others if any(run.get(measures.SCORES[o]) for run in study.runs))]
    found = {f"Test {name}": _share(measures.chosen(measures.SCORES[name])) for name in logged}
    if any(measures.gap("avg")(run) is not None for run in study.runs):
        found["Average gap"] = lambda m: common.gaps(m, measures.gap("avg"))
    if len(study.modalities) > 1:
        found["Poorest probe"] = _poorest
    if any(run.get("train/flops") for run in study.runs):
        found["Training cost (TFLOP)"] = lambda m: common.numbers(m, measures.training_cost)
    return found


def _share(measure: measures.Measure) -> Cell:
    return lambda method: common.shares(method, measure)


def _poorest(method: Method) -> str:
    ranked = measures.ranked(method)
    found = measures.estimate(method, measures.probe(ranked[-1], "avg")) if len(ranked) > 1 else None
    return words.NONE if found is None else f"{words.percent(found.mean)} ({ranked[-1]})"
