"""The sections of an analysis, one file each, in the order in which they are printed."""

from __future__ import annotations

from collections.abc import Sequence

from asgml.lab.report.document import Block, Document, Heading, Paragraph
from asgml.lab.report.model import Study
from asgml.lab.report.sections import (
    attention,
    dealings,
    diagnosis,
    dynamics,
    gaps,
    gradients,
    interpretation,
    leaderboard,
    overview,
    performance,
    sources,
    trajectories,
    whats_next,
)


def compose(study: Study, epochs: Sequence[int] | None = None) -> Document:
    """Write the whole analysis of a study as blocks; `epochs` chooses the rows of the trajectories."""
    blocks = [*attention.blocks(study), *leaderboard.blocks(study), *overview.blocks(study)]
    if study.runs:
        blocks += [*gaps.blocks(study), *trajectories.blocks(study, epochs), *dynamics.blocks(study)]
        blocks += [*gradients.blocks(study), *dealings.blocks(study), *performance.blocks(study)]
        blocks += [*diagnosis.blocks(study), *interpretation.blocks(study), *whats_next.blocks(study)]
    else:
        blocks += _empty()
    return Document(f"{study.name}: probe diagnostics analysis", _subtitle(study), (*blocks, *sources.blocks(study)))


def _subtitle(study: Study) -> str:
    methods, runs = _count(sum(bool(m.runs) for m in study.methods), "method"), _count(len(study.runs), "finished run")
    return f"{methods}, {runs}, read from {study.source}"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _empty() -> list[Block]:
    titles = (gaps, trajectories, dynamics, gradients, dealings, performance, interpretation, whats_next)
    return [b for part in titles for b in (Heading(part.TITLE), Paragraph("No cell has finished: there is nothing to show."))]
