"""Part of section 6: what the runs cost, and what accuracy they bought with it."""

from __future__ import annotations

from collections.abc import Callable

from asgml.lab.report import measures, words
from asgml.lab.report.document import Block, Dots, Figure, Heading, Panel, Paragraph, Table
from asgml.lab.report.model import Method, Study
from asgml.lab.report.records import MEMORY, SAMPLES, SECONDS, STEPS
from asgml.lab.report.sections import common
from asgml.lab.report.sections.common import head

Cell = Callable[[Method], str]
SHARES = (
    "Updates over all epochs; shares of them, mean over epochs: skipped updates leave the encoder as it is, held ones wait for "
    "their first stale gradient."
)
COUNTED = (
    "Training cost counts the floating-point operations of matrix products and convolutions in all updates, monitors "
    "included, so it is the same on every machine; scoring is left out."
)
MEASURED = (
    "Measured where it ran, with whatever ran beside it; no other number of this report depends on the machine. Time is that "
    "of training, without scoring; memory is the most that a cell's process held, libraries included."
)
AGAINST = "Test {} against training cost: small marks are seeds, large ones their means. Up and to the left is better."


def blocks(study: Study) -> list[Block]:
    """The tables and the figure; nothing where the logs hold none of it."""
    found = [*_counts(study), *_measured(study)]
    return [Heading("Updates skipped and held, and cost", 3), *found, *_figure(study)] if found else []


def _counts(study: Study) -> list[Block]:
    """What is the same on every machine."""
    columns = _columns(study)
    if not columns:
        return []
    rows = tuple((*head(m), *(cell(m) for cell in columns.values())) for m in study.methods if m.runs)
    notes = [*([SHARES] if any("(" in c for c in columns) else []), *([COUNTED] if _counted(study) else [])]
    return [Table(("Method", "n", *columns), rows), *(Paragraph(note, "note") for note in notes)]


def _measured(study: Study) -> list[Block]:
    """Time and memory."""
    columns = {name: measure for name, (tag, measure) in MACHINE.items() if any(run.get(tag) for run in study.runs)}
    rows = tuple((*head(m), *(common.numbers(m, f) for f in columns.values())) for m in study.methods if m.runs)
    return [Table(("Method", "n", *columns), rows), Paragraph(MEASURED, "note")] if columns else []


def _scaled(measure: measures.Measure, factor: float) -> measures.Measure:
    return lambda run: None if (x := measure(run)) is None else factor * x


MACHINE: dict[str, tuple[str, measures.Measure]] = {
    "Seconds per epoch": (SECONDS, measures.over_epochs(SECONDS, "avg")),
    "Time per update (ms)": (STEPS, _scaled(measures.ratio(SECONDS, STEPS), 1e3)),
    "Samples per second": (SAMPLES, measures.ratio(SAMPLES, SECONDS)),
    "Peak memory (MB)": (MEMORY, _scaled(measures.over_epochs(MEMORY, "max"), 1e-6)),
}


def _columns(study: Study) -> dict[str, Cell]:
    kinds = {"skipped_share": "Skipped", "held_share": "Held"}
    shares = {f"{word} ({m})": f"train/{key}_{m}" for key, word in kinds.items() for m in study.modalities}
    counts = {f"Updates ({m})": f"train/updates_{m}" for m in study.modalities}
    found = {column: _count(tag) for column, tag in counts.items() if any(run.get(tag) for run in study.runs)}
    found |= {column: _share(tag) for column, tag in shares.items() if any(run.get(tag) for run in study.runs)}
    if _counted(study):
        found["Training cost (TFLOP)"] = lambda m: common.numbers(m, measures.training_cost)
        if (base := _cost(study.baseline)) is not None:
            found["Of the baseline's"] = lambda m: words.percent(None if (own := _cost(m)) is None else own / base)
    return found


def _count(tag: str) -> Cell:
    return lambda method: common.numbers(method, measures.total(tag))


def _share(tag: str) -> Cell:
    return lambda method: common.shares(method, measures.over_epochs(tag, "avg"))


def _counted(study: Study) -> bool:
    return any(run.get("train/flops") for run in study.runs)


def _cost(method: Method | None) -> float | None:
    found = measures.estimate(method, measures.training_cost) if method else None
    return found.mean if found else None


def _figure(study: Study) -> list[Block]:
    shown = [(m, dots) for m in study.methods if (dots := _dots(study, m))]
    if len(shown) < 2:
        return []
    score = study.scoring.score
    axes = (f"{score.title} against cost", "Training cost (TFLOP)", f"Test {score.name} (%)")
    panel = Panel(*axes, dots=tuple(dots for _, dots in shown))
    said = ", ".join(f"{m.name} {words.percent(sum(d.ys) / len(d.ys) / 100)} at {sum(d.xs) / len(d.xs):.3g}" for m, d in shown)
    alt, legend = f"Scatter plot of test {score.name} against TFLOP. {said}.", common.legend(study, tuple(m for m, _ in shown))
    return [Figure("cost", AGAINST.format(score.name), alt, (panel,), legend)]


def _dots(study: Study, method: Method) -> Dots | None:
    costs = measures.values(method, measures.training_cost)
    scores = measures.values(method, measures.chosen(f"test/{study.scoring.score.key}"))
    seeds = [seed for seed in costs if seed in scores]
    xs, ys = tuple(costs[s] for s in seeds), tuple(100 * scores[s] for s in seeds)
    return Dots(common.slots(study)[method.name], xs, ys) if seeds else None
