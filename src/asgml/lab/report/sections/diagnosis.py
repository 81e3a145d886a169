"""What `asgml diagnose` found, where it was asked: numbers and verdicts of single models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asgml.lab.report import words
from asgml.lab.report.document import Block, Dots, Figure, Heading, Listing, Panel, Paragraph, Strong, Table, Text
from asgml.lab.report.model import Method, Run, Study
from asgml.lab.report.sections.common import title

TITLE = "Diagnosis"
SHARES = {"solo": "Alone", "probe": "Linear probe"}
POINTS = {
    "left_behind": "Alone - probe",
    "memorised": "Probe: training - held-out",
    "permuting": "Lost by permuting",
    "zeroing": "Lost by zeroing",
    "shapley": "Shapley value",
}
MADE = (
    "By asgml diagnose: the model after its last epoch, on validation samples; 95% intervals by a bootstrap over samples, of "
    "this model and no other seed. Permuting and zeroing change the encoder's output; Shapley values are over zeroed outputs."
)
TAKEN = "What the fusion takes of a modality (Shapley value) against what its encoder tells (left), and what it lacks (right)."


def blocks(study: Study) -> list[Block]:
    """The section; nothing where no cell was diagnosed."""
    found = [(method, run, run.diagnosis) for method in study.methods for run in method.runs if run.diagnosis]
    if not found:
        return []
    made: list[Block] = [Heading(TITLE), Paragraph(MADE, "note")]
    for number, (method, run, diagnosis) in enumerate(found):
        made += _one(method, run, diagnosis, number)
    return made


def _one(method: Method, run: Run, diagnosis: Mapping[str, Any], number: int) -> list[Block]:
    each: Mapping[str, Any] = diagnosis["modalities"]
    names = [name for name in (*SHARES, *POINTS) if any(name in numbers for numbers in each.values())]
    columns = ("Modality", "Verdict", *((SHARES | POINTS)[name] for name in names))
    rows = tuple(
        (title(m), diagnosis["verdicts"][m]["kind"], *(_cell(name, numbers) for name in names)) for m, numbers in each.items()
    )
    together = ", ".join(f"{who} {words.percent(share)}" for who, share in diagnosis["right_together"].items())
    return [
        Heading(f"{method.name}, seed {run.seed}", 3),
        *(Paragraph(f"{caution}.", "warning") for caution in diagnosis.get("cautions", ())),
        Paragraph(str(diagnosis["summary"]), "key"),
        Table(columns, rows, words=frozenset({"Verdict"})),
        Listing(tuple(_said(m, verdict) for m, verdict in diagnosis["verdicts"].items())),
        Paragraph(f"Whose probes are right together: {together}.", "note"),
        *_figure(each, number),
    ]


def _said(modality: str, verdict: Mapping[str, Any]) -> Text:
    sure = verdict["sure"]
    held = "" if sure is None else f" The same verdict in {words.percent(sure)} of resamples."
    return (Strong(title(modality)), f": {verdict['sentence']}.{held} ", Strong("Try:"), f" {verdict['advice']}.")


def _cell(name: str, numbers: Mapping[str, Any]) -> str:
    if name not in numbers:
        return "-"
    number = numbers[name]
    show = words.percent if name in SHARES else words.points
    if number["low"] is None:
        return show(number["value"])
    return f"{show(number['value'])} [{100 * number['low']:.1f}, {100 * number['high']:.1f}]"


def _figure(each: Mapping[str, Any], number: int) -> list[Block]:
    shown = {m: n for m, n in each.items() if "shapley" in n}
    if not shown:
        return []
    left = Panel("Taken against told", "Linear probe (%)", "Shapley value (points)", dots=_dots(shown, "probe"))
    right = Panel("Taken against lacking", "Alone - probe (points)", "Shapley value (points)", dots=_dots(shown, "left_behind"))
    panels = (left, right) if right.dots else (left,)
    said = "; ".join(f"{m} probe {words.percent(n['probe']['value'])}, Shapley value {words.points(n['shapley']['value'])}"
                     for m, n in shown.items())  # fmt: skip
    legend = tuple((slot, m) for slot, m in enumerate(shown))
    return [Figure(f"diagnosis{number}", TAKEN, f"Scatter plot, a mark per modality. {said}.", panels, legend)]


def _dots(each: Mapping[str, Any], name: str) -> tuple[Dots, ...]:
    marks = [(slot, n[name]["value"], n["shapley"]["value"]) for slot, n in enumerate(each.values()) if name in n]
    return tuple(Dots(slot, (100 * x,), (100 * y,)) for slot, x, y in marks)
