"""The paper's table as CSV, LaTeX or Markdown; what comes from outside is escaped for each."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping

from asgml.lab.csv_cells import plain
from asgml.lab.report import markdown, words
from asgml.lab.report.document import Table, Text, one_line
from asgml.lab.report.paper import Paper, Row
from asgml.lab.statistics import Estimate

HEADS = ("Data", "Method", "n", "Macro F1", "Gap", "Difference", "95% interval", "p")
"""Before the macro F1 stands the score, by its name."""
NUMBERS = ("score", "f1_macro", "gap")
NARROW = r"\centering\footnotesize\setlength{\tabcolsep}{4pt}"
LATEX = str.maketrans({
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    '"': "''", "±": r"$\pm$", "–": r"\textendash{}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}",
})  # fmt: skip


def as_csv(paper: Paper) -> str:
    """Unrounded shares, one column per number; the caption is a first line that begins with `# `."""
    buffer = io.StringIO()
    buffer.write(f"# {one_line(paper.caption)}\n")
    writer = csv.writer(buffer, lineterminator="\n")
    spread = [f"{name}_{part}" for name in NUMBERS for part in ("mean", "sd")]
    writer.writerow(("data", "method", "n", *spread, "difference", "difference_low", "difference_high", "pairs", "p", "p_holm"))
    for row in paper.rows:
        levels = [x for e in (row.score, row.f1, row.gap) for x in ((e.mean, e.sd) if e else (None, None))]
        found, t = row.difference, row.tested
        ends = (found.interval.low, found.interval.high) if found and found.interval else (None, None)
        difference = (found.mean if found else None, *ends, found.n if found else None)
        writer.writerow(
            (plain(row.data), plain(row.method), row.n, *levels, *difference, *((t.p, t.adjusted) if t else (None, None)))
        )
    return buffer.getvalue()


def as_markdown(paper: Paper) -> str:
    """A pipe table, and the caption below it."""
    rows: tuple[tuple[Text, ...], ...] = tuple(_cells(row) for row in paper.rows)
    return f"{markdown.table(Table(_heads(paper), rows, labels=2))}\n\n{markdown.escape(paper.caption)}\n"


def as_latex(paper: Paper) -> str:
    """A `table` with booktabs rules: `\\usepackage{booktabs}`, and textcomp in a LaTeX before 2020."""
    lines = [" & ".join(_latex(cell) for cell in cells) + r" \\" for cells in (_heads(paper), *map(_cells, paper.rows))]
    body = "\n".join([r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule"])
    shape = "ll" + "r" * (len(HEADS) - 1)
    head = f"{NARROW}\n\\caption{{{_latex(paper.caption)}}}\n\\begin{{tabular}}{{{shape}}}"
    return f"\\begin{{table}}\n{head}\n{body}\n\\end{{tabular}}\n\\end{{table}}\n"


FORMATS: Mapping[str, Callable[[Paper], str]] = {"csv": as_csv, "latex": as_latex, "markdown": as_markdown}


def _heads(paper: Paper) -> tuple[str, ...]:
    return (*HEADS[:3], f"{paper.score[:1].upper()}{paper.score[1:]}", *HEADS[3:])


def _cells(row: Row) -> tuple[str, ...]:
    levels = [words.NONE if e is None else _level(e) for e in (row.score, row.f1, row.gap)]
    found = row.difference
    interval = found.interval if found else None
    ends = f"[{_signed(interval.low)}, {_signed(interval.high)}]" if interval else words.NONE
    p = words.probability(row.tested.adjusted if row.tested else None)
    return (row.data, row.method, str(row.n), *levels, _signed(found.mean) if found else words.NONE, ends, p)


def _level(found: Estimate) -> str:
    return f"{100 * found.mean:.2f}" + ("" if found.sd is None else f" ± {100 * found.sd:.2f}")


def _signed(share: float) -> str:
    return f"{100 * share:+.2f}".replace("-", "−")


def _latex(text: str) -> str:
    escaped = one_line(text).translate(LATEX).replace("−", "$-$")
    return re.sub("(?<=-)-", "{}-", escaped)  # two hyphens would become a dash
