"""Section 8's rules: what to try next, each with the trigger that is printed beside it."""

from __future__ import annotations

from asgml.lab import statistics
from asgml.lab.report import entries, words
from asgml.lab.report.document import Mono, Text, listed
from asgml.lab.report.facts import Facts, StudyFacts
from asgml.lab.report.interpretation_rules import LEADS_ALWAYS, bottlenecked, guessing
from asgml.lab.report.rules import Rule

HALF = "the same method at half its strength"

OVERFIT = 0.10
"""A final accuracy on the training set that exceeds the test set's by 10 points or more is called overfit."""


def _softer(f: Facts) -> Text:
    known = [entries.read(e) for e in f.entries]
    settings = [(method and method.softer()) or HALF for method in known] or [HALF]
    skipped = {m: x for m, x in (f.skipped or {}).items() if x > 0}
    now = f"; now it skips {listed(f'{words.percent(x)} of {m}' for m, x in skipped.items())}" if skipped else ""
    return ("Soften ", Mono(f.name), f": {'; '.join(settings)}{now}.")


def acts_elsewhere(f: Facts) -> bool:
    """Whether every entry names a modality, and none the baseline's leader."""
    named = [e.get("modality") for e in f.entries]
    return bool(named) and None not in named and f.base_leader is not None and f.base_leader not in named


METHOD: tuple[Rule[Facts], ...] = (
    Rule("the gap fell and the score fell", lambda f: f.moved == ("down", "down"), _softer),
    Rule(
        "the score rose and the gap is unchanged",
        lambda f: f.moved == ("unchanged", "up"),
        lambda f: ("Test ", Mono(f.name), " as a regulariser: compare it with gradient noise on the same modality and with "
                   "half the learning rate for it, which regularise without touching the balance."),
    ),
    Rule(
        "the gap stands above chance, but the leader leads in fewer than 80 % of the (seed, epoch) pairs",
        lambda f: f.lead_share is not None and f.lead_share < LEADS_ALWAYS and not f.below_chance,
        lambda f: ("Let the probes decide whom ", Mono(f.name), f" slows down: {f.leader} leads in only "
                   f"{words.percent(f.lead_share)} of the (seed, epoch) pairs, so a fixed choice is wrong in the others."),
    ),
    Rule(
        "the gap did not fall, and the method acts on a modality that does not lead",
        lambda f: f.moved[0] in ("up", "unchanged") and acts_elsewhere(f),
        lambda f: ("Compare ", Mono(f.name), f" with the same on {f.base_leader}, which leads in the baseline; whom to slow "
                   f"is a question of {f.score}, not of who leads."),
    ),
    Rule(
        "the final training score exceeds the test set's by 10 points or more",
        lambda f: f.overfit is not None and f.overfit >= OVERFIT - 1e-9,
        lambda f: (Mono(f.name), f" overfits ({words.points(f.overfit)} between training and test {f.score} at the last epoch "
                   "that was scored): "
                   "more data, augmentation or weight decay before any balancing."),
    ),
    Rule(
        "the last epoch was chosen on validation in more than half of the runs",
        lambda f: f.still_rising,
        lambda f: ("Train ", Mono(f.name), " for longer: it had not stopped improving on validation at the last epoch."),
    ),
)  # fmt: skip


def _gap_is_noise(s: StudyFacts) -> bool:
    return bool(s.methods) and all(f.below_chance for f in s.methods)


STUDY: tuple[Rule[StudyFacts], ...] = (
    Rule(
        "the weakest modality's average probe stays within 1 point of guessing in every joint method",
        guessing,
        lambda s: f"Look at what {s.weakest} holds: nothing of the class was found in it. Do its files belong to their labels "
                  "(asgml data check)? If so, leave it out: no method balances what holds nothing.",
    ),
    Rule(
        "the weakest modality's probe stays within 2 points over all joint methods (bottlenecked)",
        bottlenecked,
        lambda s: f"Look at the {s.weakest} encoder and its preprocessing: what part of a sample it sees, at what size, and "
                  "whether another encoder reads more from it. Methods that act on another modality did not lift it.",
    ),
    Rule(
        "every method's average gap is below the bound of chance",
        _gap_is_noise,
        lambda s: "Enlarge the test set, or choose data whose modalities differ more: no gap here can be told from chance.",
    ),
    Rule(
        "the smallest p that n seeds can reach exceeds 0.05",
        lambda s: 0 < s.seeds < statistics.seeds_needed(),
        lambda s: f"Run {statistics.seeds_needed()} seeds or more: with {s.seeds} an exact two-sided sign-flip test cannot go "
                  f"below p = {statistics.smallest_p(s.seeds):.3g}.",
    ),
    Rule(
        "no control trains a modality alone",
        lambda s: len(s.modalities) > 1 and not s.solos and not s.controls,
        lambda s: f"Add a control that trains each modality alone ({listed(s.modalities)}): "
                  "without it nobody knows what a probe could reach.",
    ),
    Rule("cells failed or did not finish", lambda s: s.failed > 0,
         lambda s: f"Run what is missing ({s.failed} of the cells, section Data sources) before comparing means."),
)  # fmt: skip
