"""Section 2: average probe accuracies and gaps on the test set, who leads, what moved, and what chance alone shows."""

from __future__ import annotations

from asgml.lab.report import measures, words
from asgml.lab.report.document import Block, Heading, Mono, Paragraph, Table, Text
from asgml.lab.report.facts import Facts, method_facts
from asgml.lab.report.model import Method, Study
from asgml.lab.report.sections import common
from asgml.lab.report.sections.common import head, title

TITLE = "Test-set probe accuracies"
INTERPRETATION = "Interpretation"
STATES = {"down": "smaller gap", "up": "larger gap", "unchanged": "gap unchanged"}


def blocks(study: Study) -> list[Block]:
    """The section."""
    facts = {m.name: method_facts(study, m) for m in study.joint}
    key = finding(tuple(facts.values()))
    found: list[Block] = [Heading(_title(study)), _averages(study, facts)]
    found += [Paragraph(key, "key")] if key else []
    found.append(Paragraph(_how(study), "note"))
    if any(f.gap is not None for f in facts.values()):
        found += [Heading("Who leads, and what moved", 3), _leads(study, facts), Paragraph(_split(study), "note")]
        found += _chance(study, facts)
    return found


def _title(study: Study) -> str:
    return TITLE if study.scoring.task == "classification" else f"Test-set probe scores ({study.scoring.score.name})"


def _averages(study: Study, facts: dict[str, Facts]) -> Table:
    probes = [f"{title(m)} probe (avg)" for m in study.modalities]
    against = ["Change of gap", "Change in %", "95% interval (paired)"] if study.baseline else []
    rows = tuple(_average_row(study, m, facts.get(m.name)) for m in study.methods if m.runs)
    return Table(("Method", "n", *probes, "Average gap", *against, INTERPRETATION), rows, words=frozenset({INTERPRETATION}))


def _average_row(study: Study, method: Method, facts: Facts | None) -> tuple[Text, ...]:
    probes = [common.shares(method, measures.probe(m, "avg")) for m in study.modalities]
    row: list[Text] = [*head(method), *probes, common.gaps(method, measures.gap("avg"))]
    if study.baseline:
        change = facts.gap_change if facts else None
        share = measures.gap_change(study, method) if change else None
        interval = words.interval(change.interval, change.n) if change else words.NONE
        row += [words.signed_points(change.mean if change else None), words.relative(share), interval]
    return (*row, interpret(facts, study.solo(method), method is study.baseline))


def interpret(facts: Facts | None, solo: str | None, reference: bool) -> str:
    """The interpretation column, by the rule that the note below the table states."""
    if facts is None or facts.gap is None:
        return f"control: {solo} alone" if solo else "no gap logged"
    said = ["reference imbalance"] if reference else []
    if (change := facts.gap_change) is not None:
        said += [STATES[change.state]] + (["levelled down"] if facts.levelled_down else [])
        if change.interval is None:
            said.append("one seed" if change.n == 1 else "no seed in common")
        elif not change.interval.excludes_zero:
            said.append("not resolved")
    said += ["below chance bound"] if facts.below_chance else []
    return ", ".join(said) or "no baseline to compare with"


def finding(facts: tuple[Facts, ...]) -> Text | None:
    """The section's one line: the joint method with the smallest gap beside the baseline, and how it came about."""
    compared = [f for f in facts if f.gap_change is not None and f.gap is not None]
    if not compared:
        gaps = [f for f in facts if f.gap is not None]
        low = min(gaps, key=lambda f: f.gap or 0.0, default=None)
        return f"Smallest average gap: {words.points(low.gap)} ({low.name}), {low.leader} over {low.laggard}." if low else None
    best = min(compared, key=lambda f: f.gap or 0.0)
    if best.moved[0] != "down":
        return f"No method reduced the average gap of {words.points(best.base_gap)} by 1 point or more."
    return _reduction(best)


def _reduction(best: Facts) -> Text:
    change = best.gap_change
    share = -change.mean / best.base_gap if change and best.base_gap else 0.0
    moved = f"the leader ({best.base_leader}) fell by {words.points(best.leader_fall)}, "
    moved += f"the laggard ({best.base_laggard}) moved by {words.signed_points(best.laggard_rise)}"
    certainty = words.certainty(change.interval, change.n) if change else ""
    return (
        Mono(best.name),
        f" reduced the average gap from {words.points(best.base_gap)} to {words.points(best.gap)} ({100 * share:.0f}% "
        f"reduction); ",
        f"{'levelled down: ' if best.levelled_down else ''}{moved} ({certainty}).",
    )


def _how(study: Study) -> str:
    counts = {len(m.runs) for m in study.methods}
    several, lone = max(counts) > 1, 1 in counts
    return (
        (
            "Only the epoch chosen on validation was scored, so an “average” is its value, then over the n seeds. "
            if study.chosen_only
            else "Averages are over all epochs of a seed, then over the n seeds. "
        )
        + ("± is the standard deviation over seeds (n-1). " if several else "")
        + ("With one seed there is no spread and no interval. " if lone else "")
        + "Interpretation: a gap that differs from the baseline's by less than 1 point counts as unchanged; “not resolved” "
        "where the "
        "95% t interval of the differences paired by seed includes 0; “levelled down” where more than half of a reduction "
        "is the "
        "leader's fall."
    )


def _leads(study: Study, facts: dict[str, Facts]) -> Table:
    two = len(study.modalities) == 2
    signed = [f"Signed gap ({study.modalities[0]} - {study.modalities[1]})"] if two else []
    moved = ["Leader's fall", "Laggard's rise"] if study.baseline else []
    rows = [_lead_row(m, facts[m.name], two, bool(moved)) for m in study.joint if facts[m.name].gap is not None]
    columns = ("Method", "n", "Leads", "Leads in", *signed, *moved)
    return Table(columns, tuple(rows), words=frozenset({"Leads"}))


def _lead_row(method: Method, facts: Facts, two: bool, moved: bool) -> tuple[Text, ...]:
    signed = measures.estimate(method, measures.signed_gap)
    row: list[Text] = [*head(method), f"{facts.leader} over {facts.laggard}", words.percent(facts.lead_share)]
    row += [words.difference(signed)] if two else []
    return (*row, *((words.signed_points(facts.leader_fall), words.signed_points(facts.laggard_rise)) if moved else ()))


def _split(study: Study) -> str:
    said = "“Leads in” is the share of (seed, epoch) pairs at which this modality's probe is the best."
    if study.baseline is None:
        return said
    return f"{said} Leader and laggard are the baseline's; a positive fall and a positive rise both close the gap."


def _chance(study: Study, facts: dict[str, Facts]) -> list[Block]:
    if study.scoring.task != "classification":
        return [Paragraph(f"Noise floor: there is no formula for the one of {study.scoring.score.name}.", "note")]
    samples = study.header.get("sizes", {}).get("test")
    if not samples:
        return [Paragraph("Noise floor: not known, since the logs do not say how many test samples there are.", "note")]
    rows = [(name_n[0], words.points(facts[m.name].gap), words.points(noise[0]), words.points(noise[1]),
             "below" if facts[m.name].below_chance else "above")
            for m in study.joint if (noise := measures.floor(study, m)) and (name_n := head(m))]  # fmt: skip
    columns = ("Method", "Average gap", "Expected by chance", "95% bound of chance", "Gap lies")
    table = Table(columns, tuple(rows), words=frozenset({"Gap lies"}))
    return [Heading("Noise floor", 3), table, Paragraph(_floor(study, int(samples)), "note")]


def _floor(study: Study, samples: int) -> Text:
    more = " For three modalities or more the bound is that of one pair; the largest of several pairs exceeds it more often."
    return (
        f"Noise floor: two equally good probes of accuracy p on N = {samples:,} test samples, taken as independent "
        f"binomials, differ by ",
        Mono("sqrt(2 p (1 - p) / N) sqrt(2 / pi)"),
        " on average and by less than ",
        Mono("1.96 sqrt(2 p (1 - p) / N)"),
        " in 95% of the cases; p is the method's mean probe accuracy. Both probes see the same samples, which makes the "
        "true floor "
        f"lower, if anything.{more if len(study.modalities) > 2 else ''}",
    )
