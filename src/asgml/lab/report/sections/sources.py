"""Section 9: where every number was read, and the cells that have none."""

from __future__ import annotations

from asgml.lab.report.document import Block, Heading, Listing, Mono, Paragraph, Table, Text
from asgml.lab.report.model import Run, Study
from asgml.lab.report.sections import environment
from asgml.lab.report.sections.common import name
from asgml.lab.tasks.scoring import SCORINGS

TITLE = "Data sources"
MEANINGS = {
    "test/utilization_gap": "the gap as logged; checked against the probes, not used",
    "train/grad_norm_": "L2 norm of an encoder's gradient, by update",
    "train/total_norm": "L2 norm of all gradients, by update",
    "train/loss": "training loss, by epoch",
    "train/updates_": "updates of an encoder, by epoch",
    "train/skipped_share_": "share of updates skipped, by epoch",
    "train/held_share_": "share of updates held, by epoch",
    "epoch/seconds": "wall time of an epoch's training, in seconds",
    "epoch/steps": "updates of the model, by epoch",
    "epoch/samples": "samples that an epoch passed",
    "epoch/peak_memory": "the most memory that the process had held by then, in bytes",
}


UNITS = {"share": "share", "number": "in the labels' unit or none"}


def _meanings() -> dict[str, str]:
    """The task's own tags too."""
    found = {}
    for scoring in SCORINGS.values():
        probe = f"{scoring.score.name} of the offline probe ({scoring.probe})"
        found[f"test/probe_{scoring.short}_"] = f"{probe} on the test set, share by epoch"
        found |= {f"test/{m.key}": f"{m.name} of the model on the test set, {UNITS[m.unit]}, by epoch" for m in scoring.metrics}
        found[f"train/{scoring.score.key}"] = f"{scoring.score.name} on the training set, share by epoch"
    return found | MEANINGS


def blocks(study: Study) -> list[Block]:
    """The section."""
    files = "experiment.json, and per cell metrics.jsonl and result.json" if study.settings else "every point of every scalar"
    return [Heading(TITLE), Paragraph(f"Read from {study.source}: {files}."), *_folders(study), *_tags(study),
            *environment.blocks(study), *_failed(study)]  # fmt: skip


def _folders(study: Study) -> list[Block]:
    items: list[Text] = [(Mono(m.name), " seed ", str(run.seed), ": ", Mono(run.source), f", {_said(run)}")
                         for m in study.methods for run in m.runs]  # fmt: skip
    items += [f"{note}." for note in study.notes]
    return [Listing(tuple(items))] if items else []


def _said(run: Run) -> str:
    """Its chosen epoch, and what was lost or changed in reading it."""
    return "; ".join([_epochs(run.best_epoch), *run.notes])


def _epochs(best: int | None) -> str:
    return "no chosen epoch" if best is None else f"epoch {best} chosen on validation"


def _tags(study: Study) -> list[Block]:
    tags = sorted({tag for run in study.runs for tag in run.series})
    rows = [(Mono(tag), meaning) for tag in tags if (meaning := meaning_of(tag, study.modalities))]
    return [Heading("Tags", 3), Table(("Tag", "Meaning"), tuple(rows), labels=2)] if rows else []


def meaning_of(tag: str, modalities: tuple[str, ...]) -> str | None:
    """What a tag that the analysis reads means; None for any other."""
    meanings = _meanings()
    exact = {f"{key}{m}": text for key, text in meanings.items() if key.endswith("_") for m in modalities}
    return (exact | {key: text for key, text in meanings.items() if not key.endswith("_")}).get(tag)


def _failed(study: Study) -> list[Block]:
    rows = [(name(m), str(cell.seed), cell.reason) for m in study.methods for cell in m.failed]
    if not rows:
        return []
    return [
        Heading("Cells without a result", 3),
        Table(("Method", "Seed", "Reason"), tuple(rows), words=frozenset({"Reason"})),
    ]
