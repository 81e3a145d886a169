"""What `diagnose` returns: numbers with intervals, verdicts in sentences, a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asgml.diagnosis._bootstrap import Estimate

LABELS = {
    "solo": "alone (unimodal reference)",
    "probe": "linear probe of its encoder",
    "left_behind": "alone - probe",
    "memorised": "probe: training - held-out",
    "permuting": "lost by permuting it",
    "zeroing": "lost by zeroing it",
    "only": "kept with all others zeroed",
    "shapley": "Shapley value (zeroing)",
    "gradient_share": "share of gradient norm",
    "conflict_share": "batches in conflict",
    "updated_share": "updates taken",
    "skipped_share": "updates skipped",
    "held_share": "updates held",
}
"""A number of a modality -> its name in the table."""
DIFFERENCES = frozenset({"left_behind", "memorised", "permuting", "zeroing", "shapley"})
"""Numbers in points; the others are percent."""
BALANCED = "balanced"


@dataclass(frozen=True)
class Verdict:
    """What is the matter with a modality, how sure that is, and what to try."""

    kind: str
    sure: float | None
    """Share (0-1) of resamples with the same verdict; None without resamples."""
    sentence: str
    advice: str


@dataclass(frozen=True)
class Diagnosis:
    """What `asgml.diagnose` found; `print` shows the table and the verdicts. All numbers are shares, 0-1."""

    each: Mapping[str, Mapping[str, Estimate]]
    """Modality -> name (keys of `LABELS`) -> number; what could not be measured is left out."""
    whole: Mapping[str, Estimate]
    """`accuracy` of the model, `chance` (the commonest class), `union`: samples that some modality's probe gets right."""
    right: Mapping[str, float]
    """Modalities whose probes are right together (`audio`, `audio+visual`, `none`) -> share of samples."""
    verdicts: Mapping[str, Verdict]
    samples: int
    clusters: int
    """Groups that were resampled as a whole; as many as samples where no groups were given."""
    notes: tuple[str, ...] = ()
    """What was left out, and why."""
    cautions: tuple[str, ...] = ()
    """Why it is too early for any verdict, if it is."""

    @property
    def balanced(self) -> bool:
        """Whether nothing is the matter with any modality."""
        return all(v.kind == BALANCED for v in self.verdicts.values())

    @property
    def summary(self) -> str:
        """The verdict on the whole, in a sentence."""
        if self.balanced and self.cautions:
            return f"Nothing stands out, but it is too early to tell: {'; '.join(self.cautions)} ({_accuracy(self)})."
        if self.balanced:
            return f"Balanced: leave it alone ({_accuracy(self)})."
        found = "; ".join(f"{m}: {v.kind}" for m, v in self.verdicts.items() if v.kind != BALANCED)
        return f"{found} ({_accuracy(self)})."

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python, ready for JSON."""
        return {
            "summary": self.summary,
            "balanced": self.balanced,
            "samples": self.samples,
            "clusters": self.clusters,
            "whole": {name: e._asdict() for name, e in self.whole.items()},
            "modalities": {m: {name: e._asdict() for name, e in found.items()} for m, found in self.each.items()},
            "right_together": dict(self.right),
            "verdicts": {m: {"kind": v.kind, "sure": v.sure, "sentence": v.sentence, "advice": v.advice}
                         for m, v in self.verdicts.items()},
            "notes": list(self.notes),
            "cautions": list(self.cautions),
        }  # fmt: skip

    def __str__(self) -> str:
        lines = [
            *(f"Caution: {caution}." for caution in self.cautions),
            self.summary,
            "",
            *_table(self),
            "",
            *_together(self),
            "",
        ]
        for m, v in self.verdicts.items():
            lines += [f"{m}: {v.kind}{_sure(v)}. {v.sentence[:1].upper()}{v.sentence[1:]}.", f"  Try: {v.advice}."]
        return "\n".join([*lines, *(f"Note: {note}." for note in self.notes)])


def shown(name: str, estimate: Estimate) -> str:
    """Write a number with its interval: in percent, differences in points with their sign."""
    sign = "+" if name in DIFFERENCES else ""
    value = f"{100 * estimate.value:{sign}.1f}"
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} [{100 * estimate.low:{sign}.1f}, {100 * estimate.high:{sign}.1f}]"


def _accuracy(d: Diagnosis) -> str:
    return f"accuracy {shown('', d.whole['accuracy'])} %, {d.samples} held-out samples"


def _sure(verdict: Verdict) -> str:
    return "" if verdict.sure is None else f" (the same in {100 * verdict.sure:.0f} % of resamples)"


def _table(d: Diagnosis) -> list[str]:
    names = [name for name in LABELS if any(name in found for found in d.each.values())]
    rows = [["percent, differences in points", *d.each]]
    rows += [[LABELS[n], *(shown(n, found[n]) if n in found else "-" for found in d.each.values())] for n in names]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def _together(d: Diagnosis) -> list[str]:
    shares = ", ".join(f"{names} {100 * share:.1f} %" for names, share in d.right.items())
    return [f"Whose probes are right together: {shares}.", f"Some probe is right: {shown('', d.whole['union'])} %."]
