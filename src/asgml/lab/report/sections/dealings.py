"""What was really done to each encoder over time: updates skipped and held, the factors and the delays that were applied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from asgml.lab.report import measures, thinned, words
from asgml.lab.report.document import Block, Figure, Heading, Line, Panel, Paragraph, listed
from asgml.lab.report.model import Method, Run, Series, Study
from asgml.lab.report.sections import common
from asgml.lab.report.sections.common import title

TITLE = "What was really done"
NOTHING = "Every encoder of every method got every update, as it came."
LOGGED = "Event files of other programs say nothing of it unless they hold train/skipped_share_<modality>."


@dataclass(frozen=True, slots=True)
class Dealing:
    """One thing that can be done to an encoder: the tags it is logged under, its number where nothing is done, its words."""

    key: str
    tag: str
    neutral: float
    axis: str
    caption: str
    over: str = "Update"


SHARES = "Share of the updates of an epoch at which the encoder was {}."
DEALINGS = (
    Dealing("skipped", "train/skipped_share", 0.0, "Updates skipped (%)", SHARES.format("skipped"), "Epoch"),
    Dealing("held", "train/held_share", 0.0, "Updates held (%)", SHARES.format("held, waiting for a late gradient"), "Epoch"),
    Dealing("scale", "train/applied_scale", 1.0, "Factor", "The factor on the encoder's gradients."),
    Dealing("delay", "train/applied_delay", 0.0, "Delay (updates)", "How many updates old the encoder's gradients were."),
)  # fmt: skip


def blocks(study: Study) -> list[Block]:
    """The section: a figure for each thing that was done to anyone."""
    figures: list[Block] = [figure for dealing in DEALINGS if (figure := _figure(study, dealing))]
    said = NOTHING if study.settings else LOGGED
    return [Heading(TITLE), *(figures or [Paragraph(said)])]


def _figure(study: Study, dealing: Dealing) -> Figure | None:
    touched = {m: methods for m in study.modalities if (methods := _touched(study, dealing, m))}
    if not touched:
        return None
    panels = tuple(Panel(title(m), dealing.over, dealing.axis, _curves(study, methods, dealing, m))
                   for m, methods in touched.items())  # fmt: skip
    shown = tuple(m for m in study.methods if any(m in found for found in touched.values()))
    rule = f" {thinned.RULE}" if dealing.over == "Update" else ""
    caption = f"{dealing.caption} Methods that did so are shown.{rule} {common.band_words(study)}"
    said = "; ".join(f"{method.name} {_mean(method, dealing, m)} {m}" for m, found in touched.items() for method in found)
    alt = f"Line chart, {dealing.axis} over time for {listed(touched)}. Means: {said}."
    return Figure(f"done-{dealing.key}", caption, alt, panels, common.legend(study, shown))


def _touched(study: Study, dealing: Dealing, modality: str) -> tuple[Method, ...]:
    series = _series(dealing, modality)
    return tuple(m for m in study.methods
                 if any((s := series(run)) and any(v != dealing.neutral for v in s.values) for run in m.runs))  # fmt: skip


def _curves(study: Study, methods: tuple[Method, ...], dealing: Dealing, modality: str) -> tuple[Line, ...]:
    series = _series(dealing, modality)
    if dealing.over == "Epoch":
        return common.curves(study, methods, series)
    updates = 1 + max(s.steps[-1] for m in methods for run in m.runs if (s := series(run)))
    found = (thinned.curve(common.slots(study)[m.name], m, series, updates) for m in methods)
    return tuple(line for line in found if line is not None)


def _series(dealing: Dealing, modality: str) -> Callable[[Run], Series | None]:
    return lambda run: run.get(f"{dealing.tag}_{modality}")


def _mean(method: Method, dealing: Dealing, modality: str) -> str:
    found = measures.estimate(method, measures.over_epochs(f"{dealing.tag}_{modality}", "avg"))
    mean = found.mean if found else None
    return words.percent(mean) if dealing.over == "Epoch" else words.number(mean)
