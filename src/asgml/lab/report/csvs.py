"""A figure's numbers as comma-separated values, as it draws them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import zip_longest

from asgml.lab.csv_cells import plain
from asgml.lab.report.document import Dots, Figure, Line

HEAD = ("panel", "series", "x", "y", "low", "high")
Row = tuple[str | float, ...]


def of(figure: Figure) -> str:
    """One row per point: `x` and `y` in the units of the panel's axes; `low` and `high`, the band, only where there is one."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow((*HEAD, "x_unit", "y_unit"))
    names = dict(figure.legend)
    for panel in figure.panels:
        marks: tuple[Line | Dots, ...] = (*panel.lines, *panel.dots)
        for mark in marks:
            named, ends = (panel.title, names.get(mark.slot, "")), (panel.x_label, panel.y_label)
            writer.writerows([plain(cell) for cell in (*named, *row, *ends)] for row in _points(mark))
    return buffer.getvalue()


def _points(mark: Line | Dots) -> Iterator[Row]:
    low, high = (mark.low, mark.high) if isinstance(mark, Line) else ((), ())
    for row in zip_longest(mark.xs, mark.ys, low, high):  # of dots and single seeds there is no band
        yield tuple("" if v is None else float(f"{v:.6g}") for v in row)
