"""Section 3: probe accuracies and gap epoch by epoch, and the trend of the gap."""

from __future__ import annotations

from collections.abc import Sequence

from asgml.lab import statistics
from asgml.lab.errors import InputError
from asgml.lab.report import measures, words
from asgml.lab.report.document import Block, Code, Figure, Heading, Panel, Paragraph, Strong, Text, fixed_width, listed
from asgml.lab.report.model import Method, Study
from asgml.lab.report.sections import common
from asgml.lab.report.sections.common import title

TITLE = "Epoch-by-epoch trajectories"


def blocks(study: Study, epochs: Sequence[int] | None = None) -> list[Block]:
    """The section."""
    if study.chosen_only:
        return [Heading(TITLE), Paragraph("Only the epoch chosen on validation was scored: there are no curves over epochs.")]
    found: list[Block] = [Heading(TITLE), *_figures(study)]
    if any(len(m.runs) > 1 for m in study.methods):
        found.append(Paragraph("Every row is the mean over seeds; the gap is taken per seed first.", "note"))
    for method in study.methods:
        if rows := shown(study, method, epochs):
            found += [Heading(method.name, 3), _block(method, rows), Paragraph(pattern(method))]
    return found


def shown(study: Study, method: Method, epochs: Sequence[int] | None) -> tuple[int, ...]:
    """The epochs to print: those asked for, else the first, at one and two thirds, and the last.

    Raises:
        InputError: an epoch was asked for that no method logged.
    """
    have = measures.epochs(method)
    if epochs is None:
        last = len(have) - 1
        return tuple(dict.fromkeys(have[round(last * i / 3)] for i in range(4))) if have else ()
    logged = {epoch for m in study.methods for epoch in measures.epochs(m)}
    if unknown := sorted(set(epochs) - logged):
        raise InputError(f"epochs: must be logged epochs ({min(logged, default=0)} to {max(logged, default=0)}), "
                         f"found {listed(map(str, unknown))}; leave the option out to have them chosen")  # fmt: skip
    return tuple(sorted(set(epochs) & set(have)))


def _block(method: Method, epochs: tuple[int, ...]) -> Code:
    gaps = [measures.at_epoch(method, measures.gap_series, e) for e in epochs]
    means = [g.mean if g else None for g in gaps]
    rows = []
    for epoch, gap in zip(epochs, means, strict=True):
        probes = [measures.at_epoch(method, measures.probe_of(m), epoch) for m in method.modalities]
        rows.append(
            [
                str(epoch),
                *(words.percent(p.mean if p else None) for p in probes),
                *([words.points(gap)] if any(gaps) else []),
            ]
        )
    head = ["Epoch", *(f"{title(m)} probe" for m in method.modalities), *(["Gap"] if any(gaps) else [])]
    known = [m for m in means if m is not None]
    ends = (min(known), max(known)) if len(known) > 1 and min(known) < max(known) else (None, None)
    return fixed_width(head, rows, lambda i: _mark(means[i], *ends))


def _mark(gap: float | None, low: float | None, high: float | None) -> str:
    if gap is None or low is None:
        return ""
    return "<- smallest gap" if gap == low else "<- largest gap" if gap == high else ""


def pattern(method: Method) -> Text:
    """The trend of the gap: rises or falls only where the interval of the slopes excludes 0."""
    series = [s for run in method.runs if (s := measures.gap_series(run))]
    slope = statistics.slopes([(s.steps, s.values) for s in series])
    if slope is None:
        why = "one modality, no gap" if not series else "one epoch, no trend"
        return (Strong("Pattern:"), f" {why}.")
    per = f"{words.signed_points(slope.mean)} per epoch"
    if slope.interval is None:
        verdict = f"no claim from one seed (slope {per}, no interval)"
    else:
        clear = slope.interval.excludes_zero
        word = ("gap rises" if slope.mean > 0 else "gap falls") if clear else "no clear trend"
        verdict = f"{word} (slope {per}, 95% interval {words.interval(slope.interval)} over {slope.n} seeds)"
    return (Strong("Pattern:"), f" {verdict}; {_extremes(method)}.")


def _extremes(method: Method) -> str:
    found = {e: g.mean for e in measures.epochs(method) if (g := measures.at_epoch(method, measures.gap_series, e))}
    ends = {"smallest": min(found, key=lambda e: found[e]), "largest": max(found, key=lambda e: found[e])}
    return "over all epochs " + ", ".join(f"{word} {words.points(found[e])} (epoch {e})" for word, e in ends.items())


def _figures(study: Study) -> list[Block]:
    methods, joint, band = tuple(m for m in study.methods if m.runs), study.joint, common.band_words(study)
    panels = [_panel(study, methods, m) for m in study.modalities]
    gap = Panel("Utilization gap", "Epoch", "Gap (points)", common.curves(study, joint, measures.gap_series))
    caption = f"Probe {study.scoring.score.name} on the test set by epoch, one panel per modality. {band}"
    alt = f"Line chart of probe {study.scoring.score.name} over epochs for {listed(study.modalities)}. {_final(study)}"
    found: list[Block] = [Figure("probes", caption, alt, tuple(panels), common.legend(study, methods))]
    if gap.lines:
        alt = f"Line chart of the utilization gap over epochs. {_gaps(joint)}"
        found.append(Figure("gap", f"Utilization gap by epoch. {band}", alt, (gap,), common.legend(study, joint)))
    return found


def _panel(study: Study, methods: tuple[Method, ...], modality: str) -> Panel:
    lines = common.curves(study, methods, measures.probe_of(modality))
    return Panel(title(modality), "Epoch", f"Test probe {study.scoring.score.name} (%)", lines)


def _final(study: Study) -> str:
    parts = [f"{m.name} {words.percent(e.mean)} {modality}" for m in study.methods for modality in m.modalities
             if (e := measures.estimate(m, measures.probe(modality, "final")))]  # fmt: skip
    return f"At the last epoch: {', '.join(parts)}."


def _gaps(methods: tuple[Method, ...]) -> str:
    found = {m.name: measures.estimate(m, measures.gap("final")) for m in methods}
    return f"At the last epoch: {', '.join(f'{n} {words.points(e.mean)}' for n, e in found.items() if e)}."
