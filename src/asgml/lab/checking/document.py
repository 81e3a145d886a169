"""The check as a document, for the page."""

from __future__ import annotations

import numpy as np

from asgml.lab.checking.check import SPLITS, Checked
from asgml.lab.checking.pictures import COLUMNS
from asgml.lab.checking.warnings import warnings
from asgml.lab.report.document import Block, Document, Heading, Paragraph, Picture, Table


def compose(c: Checked) -> Document:
    """Return the page's content."""
    sizes = ", ".join(f"{len(c.split(s))} {s}" for s in SPLITS)
    return Document(f"Data check: {c.name}", f"{sizes}; {len(c.data.classes)} classes; {', '.join(c.data.modalities)}", (
        *_summary(c), *_pictures(c), *_seen(c), *_values(c), *_shared(c), *_aligned(c), *_balance(c), *_problems(c),
    ))  # fmt: skip


def _summary(c: Checked) -> list[Block]:
    found = warnings(c)
    said = [Paragraph(words, "warning") for words in found] or [Paragraph("Nothing stands out.", "key")]
    return [Heading("In short"), Paragraph(c.data.note), *said]


def _pictures(c: Checked) -> list[Block]:
    found: list[Block] = [Heading("What a model sees")]
    for modality, png in c.sheets.items():
        shape = " x ".join(map(str, c.facts[modality]["train"].shape))
        whose = "each class" if len(c.data.classes) <= COLUMNS else f"the first {COLUMNS} classes"
        caption = f"{modality}: the first training sample of {whose}, as it is handed to the model, {shape}."
        found += [Heading(modality, 3), Picture(png, caption)]
    return found


def _seen(c: Checked) -> list[Block]:
    if not c.seen:
        return []
    rows = tuple((s.modality, s.length, s.words, f"{100 * s.reach:.0f}") for s in c.seen)
    columns = ("modality", "length of a clip", "what is seen", "reaches to, % of the clip")
    return [Heading("Which part of each clip is seen"), Table(columns, rows, 3),
            Paragraph("Medians over all clips; in brackets the shortest and the longest.", "note")]  # fmt: skip


def _values(c: Checked) -> list[Block]:
    rows = tuple(
        (m, s, f"{f.low:.3g}", f"{f.high:.3g}", f"{f.mean:.3g}", f"{f.sd:.3g}", str(f.not_finite), str(len(f.constant)),
         str(f.duplicates))
        for m, by_split in c.facts.items() for s, f in by_split.items()
    )  # fmt: skip
    columns = ("modality", "split", "lowest", "highest", "mean", "sd", "not finite", "constant", "equal to an earlier one")
    return [Heading("Values"), Table(columns, rows, 2), Paragraph("The last three count samples.", "note")]


GROUPS = ("Validation is compared with training, test with both. A sibling is a clip of the same actor, sentence and "
          "emotion, where the ids tell these.")  # fmt: skip
TWINS = ("Equal: by hash. Near twins: thumbnails whose correlation, less the mean, is above 0.99; where there are more than "
         "2,000 samples, evenly chosen ones are compared. Samples of fewer than 16 numbers or 32 letters are left out, since "
         "they may be alike by chance.")  # fmt: skip


def _shared(c: Checked) -> list[Block]:
    rows = tuple(
        (m, t, s, str(x.same), f"{x.near} of {x.compared}") for m, pairs in c.shared.items() for (s, t), x in pairs.items()
    )
    twins = Table(("modality", "split", "compared with", "equal samples", "near twins"), rows, 3)
    return [Heading("What the splits share"), sharing(c), Paragraph(GROUPS, "note"), twins, Paragraph(TWINS, "note")]


def sharing(c: Checked) -> Table:
    """Return the table of groups and sibling clips that a held-out split shares with those before it."""
    rows = []
    for split, (of, both) in c.groups.items():
        siblings = c.siblings[split]
        rows.append((split, str(len(c.split(split))), str(of), str(both), "-" if siblings is None else str(siblings)))
    return Table(("split", "samples", "groups", "groups shared", "clips with a sibling"), tuple(rows))


def _aligned(c: Checked) -> list[Block]:
    rows = tuple(
        (m, *(f"{100 * x:.1f}" for x in (a.probe, a.shuffled, a.commonest))) for m, a in c.aligned.items()
    )  # fmt: skip
    return [Heading("Do inputs tell the label?"),
            Table(("modality", "probe, %", "labels shuffled, %", "commonest class, %"), rows),
            Paragraph("Validation accuracy of a ridge classifier on thumbnails of at most 12 x 12 cells.", "note")]  # fmt: skip


def _balance(c: Checked) -> list[Block]:
    counts = {s: np.bincount(c.split(s).labels, minlength=len(c.data.classes)) for s in SPLITS}
    rows = tuple((name, *(str(counts[s][k]) for s in SPLITS)) for k, name in enumerate(c.data.classes))
    sizes = {s: np.unique(c.split(s).groups, return_counts=True)[1] for s in SPLITS}
    of_groups = tuple((s, str(len(n)), str(n.min()), f"{np.median(n):g}", str(n.max())) for s, n in sizes.items())
    return [Heading("Balance"), Table(("class", *SPLITS), rows),
            Table(("split", "groups", "fewest samples of one", "median", "most"), of_groups)]  # fmt: skip


def _problems(c: Checked) -> list[Block]:
    if not c.problems:
        return []
    reasons, counts = np.unique([f"{p['modality']}: {p['reason']}" for p in c.problems], return_counts=True)
    rows = tuple((str(reason), str(count)) for reason, count in zip(reasons, counts, strict=True))
    return [Heading("Files that gave no sample"), Table(("what", "files"), rows)]
