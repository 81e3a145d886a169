"""The primary comparisons as a table with their p, and what this many pairs can show at all."""

from __future__ import annotations

from collections.abc import Sequence

from asgml.lab import statistics
from asgml.lab.report import words
from asgml.lab.report.document import Block, Heading, Mono, Paragraph, Table, Text
from asgml.lab.report.primary import Tested

TITLE = "Primary comparisons"
LEVEL = 0.05
HOW = ("p is that of the exact two-sided sign-flip test of the differences paired by seed, which asks whether they lie "
       "symmetrically around 0; Holm's correction is over all comparisons in this table, and no other comparison in this "
       "report carries a p. The t interval is not corrected.")  # fmt: skip


def blocks(tested: Sequence[Tested], score: str) -> list[Block]:
    """A heading of level 3, the table and its notes; nothing where no comparison was named."""
    if not tested:
        return []
    columns = ("Method", "Against", "On", f"Difference in {score}", "95% interval (paired t)", "Pairs", "p", "p after Holm")
    table = Table(columns, tuple(map(_row, tested)), labels=3)
    return [Heading(TITLE, 3), table, Paragraph(f"{HOW} {power(tested)}", "note")]


def _row(one: Tested) -> tuple[Text, ...]:
    interval = words.interval(one.difference.interval if one.difference else None, one.n)
    on = "all, the mean" if one.dataset is None else one.dataset
    return (Mono(one.method), Mono(one.against), on, words.difference(one.difference), interval, str(one.n),
            words.probability(one.p), words.probability(one.adjusted))  # fmt: skip


def power(tested: Sequence[Tested]) -> str:
    """The smallest p that these pairs can reach, before and after the correction, and whether that is small enough."""
    family, said = len(tested), []
    for n in sorted({one.n for one in tested}):
        if n == 0:
            said.append("A comparison without a pair shows nothing, and still counts in the correction.")
            continue
        one, all_of = statistics.smallest_p(n), statistics.smallest_p(n, family)
        text = f"With n = {n} the smallest possible p is {one:.3g}, after Holm over {family} it is {all_of:.3g}"
        needed = statistics.seeds_needed(LEVEL, family)
        short = f", so nothing here can be significant at {LEVEL}: that takes {needed} seeds" if all_of > LEVEL else ""
        said.append(f"{text}{short}.")
    return " ".join(said)
