"""What the rules look at: the numbers of one method beside the baseline's, and of the study as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from asgml.lab import statistics
from asgml.lab.report import entries, measures, samples
from asgml.lab.report.model import Method, Study
from asgml.lab.statistics import Estimate, Interval

MOVED = 0.01
"""A mean that differs by less than 1 point counts as unchanged."""


@dataclass(frozen=True, slots=True)
class Change:
    """A difference to the baseline as a share, the interval of the paired differences, and over how many seeds."""

    mean: float
    interval: Interval | None = None
    n: int = 1

    @property
    def resolved(self) -> bool:
        """Whether the interval shows on which side of 0 the difference lies."""
        return self.interval is not None and self.interval.excludes_zero

    @property
    def state(self) -> Literal["down", "up", "unchanged"]:
        """By the mean alone: `unchanged` within 1 point. What n seeds can show of it is the interval's to say."""
        if abs(self.mean) < MOVED - 1e-9:
            return "unchanged"
        return "down" if self.mean < 0 else "up"


@dataclass(frozen=True, slots=True)
class Facts:
    """A joint method. Shares 0-1; None where the logs, or the lack of a baseline, leave it open."""

    name: str
    entries: tuple[Mapping[str, Any], ...] = ()
    gap: float | None = None
    base_gap: float | None = None
    gap_change: Change | None = None
    score: str = "accuracy"
    score_change: Change | None = None
    leader: str | None = None
    laggard: str | None = None
    lead_share: float | None = None
    base_leader: str | None = None
    base_laggard: str | None = None
    leader_fall: float | None = None
    laggard_rise: float | None = None
    chance: float | None = None
    skipped: Mapping[str, float] | None = None
    overfit: float | None = None
    norm_ratio: float | None = None
    still_rising: bool = False

    @property
    def moved(self) -> tuple[str | None, str | None]:
        """How the gap and the score moved against the baseline."""
        return (
            self.gap_change.state if self.gap_change else None,
            self.score_change.state if self.score_change else None,
        )

    @property
    def unresolved(self) -> bool:
        """Whether a change of 1 point or more is one that the seeds do not resolve."""
        changes = (self.gap_change, self.score_change)
        return any(c is not None and c.state != "unchanged" and not c.resolved for c in changes)

    @property
    def levelled_down(self) -> bool:
        """Whether the gap shrank, and more than half of it by the baseline's leader falling."""
        if self.gap_change is None or self.leader_fall is None or self.moved[0] != "down":
            return False
        return self.leader_fall > -self.gap_change.mean / 2

    @property
    def below_chance(self) -> bool:
        """Whether the gap lies below the 95 % bound of what two equally good probes show."""
        return self.gap is not None and self.chance is not None and self.gap < self.chance


@dataclass(frozen=True, slots=True)
class Solo:
    """A control of one modality only, shares; the changes are from this control to the joint model, paired by seed."""

    name: str
    modality: str
    probe: float | None = None
    joint_probe: float | None = None
    score: float | None = None
    probe_change: Change | None = None
    score_change: Change | None = None
    of: str = "accuracy"
    """What probe and score are."""


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """The study as a whole. `weakest` is the baseline's laggard (without one: the first method's), with its probe's range.

    `guess` is the accuracy of always naming the commonest class, a share.
    """

    methods: tuple[Facts, ...]
    solos: tuple[Solo, ...] = ()
    modalities: tuple[str, ...] = ()
    weakest: str | None = None
    weakest_range: tuple[float, float] | None = None
    score: str = "accuracy"
    joint_name: str | None = None
    joint_score: float | None = None
    guess: float | None = None
    seeds: int = 1
    failed: int = 0
    controls: bool = False


def of(study: Study) -> StudyFacts:
    """Gather the facts of a study that has one run or more."""
    joint, name = study.joint, measures.score_of(study)
    reference = study.baseline if study.baseline in joint else None
    first = reference or (joint[0] if joint else None)
    ranked = measures.ranked(first) if first else ()
    return StudyFacts(
        methods=tuple(method_facts(study, m) for m in joint),
        solos=tuple(_solo(study, m, modality, first) for m in study.methods if m.runs and (modality := study.solo(m))),
        modalities=study.modalities,
        weakest=ranked[-1] if len(ranked) > 1 else None,
        weakest_range=_range(joint, ranked[-1]) if len(ranked) > 1 else None,
        score=name,
        joint_name=first.name if first else None,
        joint_score=_mean(first, measures.chosen(measures.SCORES[name])),
        guess=_guess(study),
        seeds=min((len(m.runs) for m in study.methods if m.runs), default=0),
        failed=sum(len(m.failed) for m in study.methods),
        controls=any(entries.unimodal(e) for m in study.methods for e in m.entries),
    )


def _guess(study: Study) -> float | None:
    """The share of the commonest class in the test set, which whoever always names it reaches."""
    if study.scoring.task != "classification":
        return None
    if (logged := study.header.get("commonest", {}).get("test")) is not None:
        return float(logged)
    kept = [share for share in map(samples.commonest, study.runs[:1]) if share is not None]
    if kept:
        return kept[0]
    classes = study.header.get("classes")  # where the logs say nothing else, no guess can be worse than this
    return 1 / len(classes) if classes else None


def method_facts(study: Study, method: Method) -> Facts:
    """The facts of one joint method."""
    base = study.baseline if study.baseline in study.joint else None
    ranked, noise = measures.ranked(method), measures.floor(study, method)
    score = measures.score_of(study)
    return Facts(
        name=method.name,
        entries=method.entries,
        gap=_mean(method, measures.gap("avg")),
        base_gap=_mean(base, measures.gap("avg")),
        score=score,
        leader=ranked[0] if len(ranked) > 1 else None,
        laggard=ranked[-1] if len(ranked) > 1 else None,
        lead_share=measures.lead_share(method, ranked[0]) if len(ranked) > 1 else None,
        chance=noise[1] if noise else None,
        skipped=_skipped(method),
        overfit=_overfit(method),
        norm_ratio=measures.norm_ratio(study, method),
        still_rising=_still_rising(method),
        **(_against(method, base, score) if base is not None and base is not method else {}),
    )


def _against(method: Method, base: Method, score: str) -> dict[str, Any]:
    own, reference = _mean(method, measures.gap("avg")), _mean(base, measures.gap("avg"))
    paired = measures.change(method, base, measures.gap("avg"))
    scored = measures.change(method, base, measures.chosen(measures.SCORES[score]))
    ranked = measures.ranked(base)
    moved = {m: (_mean(method, measures.probe(m, "avg")), _mean(base, measures.probe(m, "avg"))) for m in ranked}
    shift = {m: a - b for m, (a, b) in moved.items() if a is not None and b is not None}
    found: dict[str, Any] = {"score_change": _change(scored)}
    if own is not None and reference is not None:
        found["gap_change"] = Change(own - reference, *((paired.interval, paired.n) if paired else (None, 0)))
    if len(ranked) > 1 and ranked[0] in shift and ranked[-1] in shift:
        found |= {"base_leader": ranked[0], "base_laggard": ranked[-1],
                  "leader_fall": -shift[ranked[0]], "laggard_rise": shift[ranked[-1]]}  # fmt: skip
    return found


def _mean(method: Method | None, measure: measures.Measure) -> float | None:
    found = measures.estimate(method, measure) if method else None
    return found.mean if found else None


def _range(methods: tuple[Method, ...], modality: str) -> tuple[float, float] | None:
    found = [x for m in methods if (x := _mean(m, measures.probe(modality, "avg"))) is not None]
    return (min(found), max(found)) if len(found) > 1 else None


def _skipped(method: Method) -> dict[str, float]:
    tags = {m: measures.over_epochs(f"train/skipped_share_{m}", "avg") for m in method.modalities}
    return {m: x for m, measure in tags.items() if (x := _mean(method, measure)) is not None}


def _overfit(method: Method) -> float | None:
    key = method.runs[0].scoring.score.key
    train, test = (_mean(method, measures.over_epochs(f"{split}/{key}", "final")) for split in ("train", "test"))
    return None if train is None or test is None else train - test


def _still_rising(method: Method) -> bool:
    key = method.runs[0].scoring.score.key
    last = [run.best_epoch == s.steps[-1] for run in method.runs if (s := run.get(f"val/{key}") or run.get(f"test/{key}"))]
    return bool(last) and statistics.mean([float(x) for x in last]) > 0.5


def _solo(study: Study, method: Method, modality: str, joint: Method | None) -> Solo:
    measured = (measures.probe(modality, "avg"), measures.chosen(measures.SCORES[measures.score_of(study)]))
    shifts = [_change(measures.change(joint, method, measure) if joint else None) for measure in measured]
    probe, score = (_mean(method, measure) for measure in measured)
    probe_change, score_change = shifts
    of = study.scoring.score.name
    return Solo(method.name, modality, probe, _mean(joint, measured[0]), score, probe_change, score_change, of)


def _change(found: Estimate | None) -> Change | None:
    return Change(found.mean, found.interval, found.n) if found else None
