"""Section 4: smallest, largest and last probe accuracy per modality and method, and what stands out."""

from __future__ import annotations

from asgml.lab.report import measures, words
from asgml.lab.report.document import Block, Heading, Listing, Mono, Paragraph, Table, Text
from asgml.lab.report.facts import MOVED
from asgml.lab.report.model import Method, Study
from asgml.lab.report.sections import common
from asgml.lab.report.sections.common import head, title

TITLE = "Per-modality learning dynamics"
NOTE = ("Lowest, highest and last are taken over the epochs of a seed, then averaged over seeds. Observations name every "
        "mean of a joint "
        "method that differs from the baseline's by 1 point or more.")  # fmt: skip
HOW = {"min": "lowest", "max": "highest", "final": "last"}


def blocks(study: Study) -> list[Block]:
    """The section."""
    found: list[Block] = [Heading(TITLE)]
    columns = ("Method", "n", *(f"{title(word)} probe" for word in HOW.values()))
    for modality in study.modalities:
        rows = tuple(_row(m, modality) for m in study.methods if modality in m.modalities)
        found += [Heading(f"{title(modality)} encoder", 3), Table(columns, rows)]
        seen = observations(study, modality)
        found += [Listing(tuple(seen))] if seen else []
    return [*found, Paragraph(NOTE, "note")]


def _row(method: Method, modality: str) -> tuple[Text, ...]:
    return (*head(method), *(common.shares(method, measures.probe(modality, how)) for how in HOW))


def observations(study: Study, modality: str) -> list[Text]:
    """Every highest and last probe that differs from the baseline's by 1 point or more; one line if none does."""
    base, others = study.baseline, [m for m in study.joint if modality in m.modalities and m is not study.baseline]
    if base is None or modality not in base.modalities or not others:
        return []
    found = [text for m in others for how in ("max", "final") if (text := _observation(m, base, modality, how))]
    return found or [f"No joint method moved the highest or the last {modality} probe by 1 point or more."]


def _observation(method: Method, base: Method, modality: str, how: str) -> Text | None:
    measure = measures.probe(modality, how)
    own, reference = measures.estimate(method, measure), measures.estimate(base, measure)
    if own is None or reference is None or abs(own.mean - reference.mean) < MOVED - 1e-9:
        return None
    shift = own.mean - reference.mean
    paired = measures.change(method, base, measure)
    certainty = words.certainty(paired.interval, paired.n) if paired else words.certainty(None, 0)
    return (Mono(method.name), f" {'lowered' if shift < 0 else 'raised'} the {HOW[how]} {modality} probe from "
            f"{words.percent(reference.mean)} to {words.percent(own.mean)} ({words.signed_points(shift)}; "
            f"{certainty}).")  # fmt: skip
