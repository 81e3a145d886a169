"""What the reader must know before the first number: missing cells, logged gaps that do not hold, values left out."""

from __future__ import annotations

from asgml.lab import few
from asgml.lab.report import measures, records, words
from asgml.lab.report.document import Block, Mono, Paragraph, Text, listed
from asgml.lab.report.model import Method, Run, Study
from asgml.lab.report.sections import environment, tuning

TOLERANCE = 0.005
"""A logged gap may differ from the recomputed one by half a point."""
ROUNDING = 1e-6
"""Event files hold single precision."""


def blocks(study: Study) -> list[Block]:
    """The warnings, nothing where there is nothing to warn of."""
    found: list[Text] = [_missing(study)] if any(m.failed for m in study.methods) else []
    found += [f"{said}." for said in study.left_out]
    if not study.runs:
        found.append("No cell has finished: this report holds no numbers.")
    found += _few_updates(study)
    found += [note for m in study.methods for run in m.runs if (note := logged_gap(m, run))]
    found += [(Mono(m.name), f" seed {run.seed}: {note}.") for m in study.methods for run in m.runs for note in run.notes]
    found += [*environment.warnings(study), *tuning.warnings(study)]
    return [Paragraph(text, "warning") for text in [*found, *(f"{note}." for note in study.notes)]]


def _missing(study: Study) -> Text:
    cells = [f"{m.name} seed {cell.seed}" for m in study.methods for cell in m.failed]
    have = "has" if len(cells) == 1 else "have"
    total = len(cells) + len(study.runs)
    return f"Incomplete: {len(cells)} of {total} cells {have} no result ({listed(cells)}); reasons in section Data sources."


def _few_updates(study: Study) -> list[Text]:
    """That all runs together hardly began to learn, where the logs say how many updates they made."""
    made = [int(sum(steps.values)) for run in study.runs if (steps := run.get(records.STEPS))]
    return [few.made(max(made))] if made and max(made) < few.FEW else []


def logged_gap(method: Method, run: Run) -> Text | None:
    """A sentence if the gap that the run logged differs from the one its probes give by more than half a point."""
    logged, computed = run.get("test/utilization_gap"), measures.gap_series(run)
    if logged is None or computed is None:
        return None
    pairs = {s: (x, y) for s, y in zip(computed.steps, computed.values, strict=True) if (x := logged.at(s)) is not None}
    off = {s: abs(x - y) for s, (x, y) in pairs.items() if abs(x - y) > TOLERANCE + ROUNDING}
    if not off:
        return None
    worst = max(off, key=lambda s: off[s])
    logged_worst, computed_worst = map(words.points, pairs[worst])
    return (Mono(method.name), f" seed {run.seed}: the logged ", Mono("test/utilization_gap"),
            f" differs from the probes' own gap by more than 0.5 points at {len(off)} of {len(pairs)} epochs, most at "
            f"epoch {worst} "
            f"({logged_worst} logged, {computed_worst} recomputed). Every gap below is the recomputed one.")  # fmt: skip
