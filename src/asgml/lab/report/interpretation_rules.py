"""Section 7's rules. Balance alone is never called a success: what counts is said of gap and score together."""

from __future__ import annotations

from asgml.lab.report import words
from asgml.lab.report.document import Mono, Strong, Text, listed
from asgml.lab.report.facts import MOVED, Change, Facts, Solo, StudyFacts
from asgml.lab.report.rules import Rule, change_words, gap_words, score_words

BOTTLENECK = 0.02
"""A weakest probe that stays within 2 points over all methods is called bottlenecked."""
LEADS_ALWAYS = 0.8
"""A modality that leads in fewer than 80 % of (seed, epoch) pairs shares the lead."""


def moves(gap: str, score: str, verdict: str, tail: str = "") -> Rule[Facts]:
    """A rule on how gap and score moved together."""
    when = f"average gap {gap}, score {score} (1 point or more counts as moved)"

    def say(f: Facts) -> Text:
        seeds = " on average, not resolved by these seeds" if f.unresolved else ""
        return (Mono(f.name), " ", Strong(verdict), f"{seeds}: {gap_words(f)}; {score_words(f)}.{tail}")

    return Rule(when, lambda f: f.moved == (gap, score), say)


METHOD: tuple[Rule[Facts], ...] = (
    moves("down", "down", "trades performance for balance"),
    moves("down", "unchanged", "balances without performing better", " Balance alone is no success."),
    moves("down", "up", "moved both the right way"),
    moves("unchanged", "up", "acts as a regulariser rather than a balancer (hypothesis)"),
    moves("up", "up", "performs better while less balanced"),
    moves("up", "down", "is worse on both counts"),
    moves("unchanged", "unchanged", "changes neither"),
    moves("unchanged", "down", "costs performance without balancing"),
    moves("up", "unchanged", "is less balanced at the same performance"),
    Rule(
        "the gap shrank by 1 point or more, and more than half of it is the leader's fall",
        lambda f: f.levelled_down,
        lambda f: (Mono(f.name), " ", Strong("levelled down"), f": the leader ({f.base_leader}) fell by "
                                                               f"{words.points(f.leader_fall)}, "
                   f"the laggard ({f.base_laggard}) moved by {words.signed_points(f.laggard_rise)}."),
    ),
    Rule(
        "another modality leads than in the baseline",
        lambda f: f.base_leader is not None and f.leader is not None and f.leader != f.base_leader,
        lambda f: (Mono(f.name), f" {'turns the lead round'}: {f.leader} leads, in the baseline {f.base_leader} does; "
                   f"its gap of {words.points(f.gap)} has the other sign."),
    ),
    Rule(
        "average gap below the 95 % bound of chance",
        lambda f: f.below_chance,
        lambda f: (Mono(f.name), f": the average gap of {words.points(f.gap)} is below the noise bound of "
                   f"{words.points(f.chance)}, so its probes cannot be told from equal."),
    ),
)  # fmt: skip


def guessing(s: StudyFacts) -> bool:
    """Whether the weakest modality's probe stays within 1 point of guessing in every joint method."""
    return s.guess is not None and s.weakest_range is not None and s.weakest_range[1] < s.guess + MOVED


def bottlenecked(s: StudyFacts) -> bool:
    """Whether the weakest modality's average probe stays within 2 points over all joint methods, and does more than guess."""
    return s.weakest_range is not None and not guessing(s) and s.weakest_range[1] - s.weakest_range[0] < BOTTLENECK - 1e-9


STUDY: tuple[Rule[StudyFacts], ...] = (
    Rule(
        "the weakest modality's average probe stays within 1 point of guessing in every joint method",
        guessing,
        lambda s: f"The {s.weakest} encoder's features tell nothing of the class: no average probe exceeds guessing "
                  f"({words.percent(s.guess)}) by 1 point. To guess is to name the commonest class always.",
    ),
    Rule(
        "the weakest modality's average probe stays within 2 points over all joint methods",
        bottlenecked,
        lambda s: (f"The {s.weakest} encoder appears ", Strong("bottlenecked"), f": its average probe lies between "
                   f"{words.percent(s.weakest_range[0])} and {words.percent(s.weakest_range[1])} whatever the method "
                   f"({len(s.methods)} joint methods)." if s.weakest_range else ""),
    ),
    Rule(
        "the weaker modality's encoder has the larger late gradient norm in every joint method",
        lambda s: bool(s.methods) and all(weaker_pulls(f, s.modalities) for f in s.methods),
        lambda s: "The weaker modality has the larger late gradient norm in every joint method (ratios "
                  f"{s.modalities[0]} over {s.modalities[1]}: {listed(words.number(f.norm_ratio) for f in s.methods)}): "
                  "its encoder still has something to learn, or its signal is noisier.",
    ),
    Rule(
        "a method ran on one seed only",
        lambda s: s.seeds == 1,
        lambda s: "Everything above rests on one seed for at least one method: no spread, no interval, no test; read it as a "
                  "hypothesis.",
    ),
)  # fmt: skip


def weaker_pulls(f: Facts, modalities: tuple[str, ...]) -> bool:
    """Whether the laggard's late gradient norm is larger than the leader's (two modalities)."""
    if f.norm_ratio is None or f.laggard is None:
        return False
    return f.norm_ratio < 1 if f.laggard == modalities[1] else f.norm_ratio > 1


def _solo(s: Solo) -> Text:
    shift = s.probe_change or Change((s.joint_probe or 0.0) - (s.probe or 0.0), n=0)
    verdict = {"down": f"costs it {s.of}", "up": "helps it", "unchanged": "hardly changes it"}[shift.state]
    return ("Alone (", Mono(s.name), f") the {s.modality} encoder's probe averages {words.percent(s.probe)}, in joint training "
            f"{words.percent(s.joint_probe)}: joint training {verdict}, {change_words(shift)}.")  # fmt: skip


def best_solo(s: StudyFacts) -> Solo | None:
    """The control with the best score."""
    scored = [solo for solo in s.solos if solo.score is not None]
    return max(scored, key=lambda solo: solo.score or 0.0, default=None)


def _joint(s: StudyFacts) -> Text:
    best = best_solo(s) or Solo("", "")
    lead = best.score_change or Change((s.joint_score or 0.0) - (best.score or 0.0), n=0)
    verdicts = {
        "down": "is worse than its best modality alone",
        "up": "gains from fusion",
        "unchanged": "gains nothing from fusion",
    }
    return ("The joint model (", Mono(s.joint_name or ""), f") {verdicts[lead.state]}: test {s.score} "
            f"{words.percent(s.joint_score)} against {words.percent(best.score)} of the best solo model (", Mono(best.name),
            f"), {change_words(lead)}.")  # fmt: skip


SOLO: tuple[Rule[Solo], ...] = (
    Rule("a control trained this modality alone", lambda s: None not in (s.probe, s.joint_probe), _solo),
)
JOINT: tuple[Rule[StudyFacts], ...] = (
    Rule(
        "a control's score is known beside the joint model's",
        lambda s: best_solo(s) is not None and s.joint_score is not None,
        _joint,
    ),
)
