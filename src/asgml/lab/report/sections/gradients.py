"""Section 5: gradient norms and loss in the last quarter of training."""

from __future__ import annotations

from collections.abc import Callable

from asgml.lab.report import measures, words
from asgml.lab.report.document import Block, Heading, Listing, Mono, Paragraph, Table, Text
from asgml.lab.report.facts import method_facts
from asgml.lab.report.interpretation_rules import weaker_pulls
from asgml.lab.report.model import Method, Study
from asgml.lab.report.sections import common
from asgml.lab.report.sections.common import head, title

TITLE = "Gradient dynamics"
UNSCALED = "Norms are L2 norms of unscaled gradients: whatever loss scale was in force is divided out."
AS_LOGGED = "Norms are as logged: event files do not say whether a loss scale was in force."
HOW = (" Per seed the mean of the last quarter of the logged points, updates at which a modality was skipped left out; the "
       "ratio is of "
       "the means. Norms of encoders of different size do not compare by themselves; their change does.")  # fmt: skip
Cell = Callable[[Method], str]


def blocks(study: Study) -> list[Block]:
    """The section; one sentence where no norm was logged."""
    columns = _columns(study)
    if not columns:
        return [Heading(TITLE), Paragraph("The logs hold no gradient norm (train/grad_norm_<modality>).")]
    rows = tuple((*head(m), *(cell(m) for cell in columns.values())) for m in study.methods if m.runs)
    found: list[Block] = [Heading(TITLE), Heading("The last quarter of training", 3), Table(("Method", "n", *columns), rows)]
    seen = observations(study)
    found += [Listing(tuple(seen))] if seen else []
    return [*found, Paragraph((UNSCALED if study.settings else AS_LOGGED) + HOW, "note")]


def _columns(study: Study) -> dict[str, Cell]:
    norms = {m: f"train/grad_norm_{m}" for m in study.modalities}
    found: dict[str, Cell] = {f"{title(m)} gradient norm": _late(tag) for m, tag in norms.items() if _logged(study, tag)}
    if found and any(measures.norm_ratio(study, m) is not None for m in study.methods):
        found[f"Ratio ({study.modalities[0]} / {study.modalities[1]})"] = lambda m: _ratio(measures.norm_ratio(study, m))
    if found and _logged(study, "train/total_norm"):
        found["Total norm"] = _late("train/total_norm")
    if found and _logged(study, "train/loss"):
        found["Final train loss"] = lambda m: common.numbers(m, measures.over_epochs("train/loss", "final"))
    return found


def _logged(study: Study, tag: str) -> bool:
    return any(run.get(tag) for run in study.runs)


def _late(tag: str) -> Cell:
    return lambda m: common.numbers(m, measures.late(tag))


def _ratio(value: float | None) -> str:
    return words.NONE if value is None else f"{value:.2f}"


def observations(study: Study) -> list[Text]:
    """In which methods the weaker modality has the larger norm, and which method has the smallest total."""
    joint = study.joint
    weaker = [m for m in joint if weaker_pulls(method_facts(study, m), study.modalities)]
    found: list[Text] = []
    if weaker:
        found.append(
            f"The modality with the weaker probe has the larger gradient norm in {len(weaker)} of {len(joint)} joint methods."
        )
    totals = {m.name: e.mean for m in joint if (e := measures.estimate(m, measures.late("train/total_norm")))}
    if len(totals) > 1:
        low = min(totals, key=lambda n: totals[n])
        found.append((Mono(low), f" has the smallest total norm ({words.number(totals[low])})."))
    return found
