"""The table that goes into a paper: one row per data set and method, and a caption that says what the numbers are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asgml.lab.errors import InputError
from asgml.lab.report import measures, places, primary, words
from asgml.lab.report.model import Method, Study, unique
from asgml.lab.report.places import Place
from asgml.lab.report.primary import Tested
from asgml.lab.report.summary import dataset_name
from asgml.lab.statistics import Estimate


@dataclass(frozen=True, slots=True)
class Row:
    """A method on a data set: shares over `n` seeds; the difference to the baseline is paired by seed."""

    data: str
    method: str
    n: int
    score: Estimate | None
    """The task's score: `Paper.score` names it."""
    f1: Estimate | None
    """Macro F1, of classification alone."""
    gap: Estimate | None
    difference: Estimate | None
    tested: Tested | None
    """The primary comparison of this method with the baseline here, None where none was named."""


@dataclass(frozen=True, slots=True)
class Paper:
    """The rows and the caption."""

    rows: tuple[Row, ...]
    caption: str
    score: str = "accuracy"
    left_out: tuple[str, ...] = ()
    """Every cell whose files are damaged, and why."""


def of(run: Path) -> Paper:
    """The table of one run: its only study, or every data set and point.

    Raises:
        InputError: `run` is no run, or holds no finished cell.
    """
    found = places.of(run)
    tests = primary.tests(places.primary(run), [(place.dataset, place.study) for place in found])
    rows = tuple(_row(place, m, _test(tests, place, m)) for place in found for m in place.study.methods if m.runs)
    left_out = tuple(f"{place.name}: {said}" for place in found for said in place.study.left_out)
    if not rows:
        why = "; ".join(left_out) or "asgml run goes on where it stopped"
        raise InputError(f"run: must hold a finished cell, found none in {run}; {why}")
    return Paper(rows, " ".join([*_caption(found), *_tested(tests)]), _scores(found), left_out)


def _test(tests: Sequence[Tested], place: Place, method: Method) -> Tested | None:
    """The test of this method against the baseline on this data alone: its difference is the row's."""
    if place.study.baseline is None:
        return None
    mine = (t for t in tests if (t.method, t.against) == (method.name, place.study.baseline.name))
    return next((t for t in mine if t.dataset == place.dataset and t.n), None)


def _row(place: Place, method: Method, tested: Tested | None) -> Row:
    score = measures.chosen(measures.SCORES[measures.score_of(place.study)])
    base = place.study.baseline
    difference = measures.change(method, base, score) if base and method is not base else None
    reached, f1 = (measures.estimate(method, m) for m in (score, measures.chosen("test/f1_macro")))
    gap = measures.estimate(method, measures.gap("avg"))
    data = place.point or dataset_name(place.study) or place.name
    return Row(data, method.name, len(method.runs), reached, f1, gap, difference, tested)


def _caption(found: Sequence[Place]) -> list[str]:
    studies = [place.study for place in found]
    counts = sorted({len(m.runs) for study in studies for m in study.methods if m.runs})
    n = " or ".join(map(str, counts)) or "0"
    said = [
        f"Test set, mean and standard deviation over n = {n} seeds; {_scores(found)}, macro F1 and utilization gap in percent."
    ]
    said += [f"Split: {note}" for note in unique(str(s.header["note"]) for s in studies if s.header.get("note"))]
    said += unique(_protocol(study) for study in studies)
    said.append(f"Differences to the baseline are in {_scores(found)}, paired by seed, with 95% t intervals.")
    return said


def _scores(found: Sequence[Place]) -> str:
    """`accuracy`, or `accuracy or mAP` where the data sets are of several tasks."""
    return " or ".join(unique(measures.score_of(place.study) for place in found))


def _tested(tests: Sequence[Tested]) -> list[str]:
    if not tests:
        return ["No comparison was named before the runs, so none carries a p."]
    named = "the one comparison" if len(tests) == 1 else f"the {len(tests)} comparisons"
    said = [f"p: exact two-sided sign-flip test, after Holm's correction over {named} named before the runs."]
    return said + [_sentence(t) for t in tests]


def _sentence(t: Tested) -> str:
    on = f" on {t.dataset}" if t.dataset else ""
    p = words.probability(t.adjusted)
    return f"{t.method} against {t.against}{on}: {words.difference(t.difference)}, {t.n} pairs, p = {p}."


def _protocol(study: Study) -> str:
    train = (study.settings or {}).get("train") or {}
    epochs = f"{train['epochs']} epochs; " if "epochs" in train else ""
    named = any(run.best_epoch is not None for run in study.runs)
    chosen = (
        f"scored at the epoch with the best validation {study.scoring.score.name}" if named else "scored after the last epoch"
    )
    tuned = "; settings tuned on validation, the same budget for every method" if study.tuning else ""
    return f"Protocol: {epochs}{chosen}{tuned}."
