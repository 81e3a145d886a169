"""Draws a figure as SVG that takes its colours from the page, so that it reads on a light and on a dark ground."""

from __future__ import annotations

import io
import re
import warnings
from typing import Any

from asgml.lab.report.document import Dots, Figure, Line, Panel

SLOTS = 8
"""Colours of the page's palette, `--s0` (the baseline) to `--s7`; later methods use them again, dashed otherwise."""
DASHES: tuple[tuple[float, ...], ...] = ((), (5, 2), (1.5, 1.5), (7, 2, 1.5, 2))
INK, FAINT = "#010101", "#020202"
STYLE: Any = {
    "svg.fonttype": "path", "svg.hashsalt": "asgml", "font.family": "DejaVu Sans", "font.size": 9, "text.parse_math": False,
    "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "axes.edgecolor": FAINT,
    "axes.titlesize": 9.5, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.spines.top": False,
    "axes.spines.right": False, "axes.grid": True, "grid.color": FAINT, "grid.linewidth": 0.5, "axes.axisbelow": True,
    "xtick.major.size": 0, "ytick.major.size": 0, "figure.facecolor": "none", "axes.facecolor": "none",
}  # fmt: skip


def draw(figure: Figure) -> str:
    """The figure as an `<svg>` element: text as paths, ids of its own, no address of another place in it."""
    import matplotlib

    with warnings.catch_warnings(), matplotlib.rc_context(STYLE):
        warnings.simplefilter("ignore")  # a name may hold glyphs that the font lacks
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure as Canvas

        canvas = Canvas(figsize=(7.6, 2.8), layout="constrained")
        FigureCanvasSVG(canvas)
        axes = canvas.subplots(1, len(figure.panels), sharey=True, squeeze=False)[0]
        for ax, panel in zip(axes, figure.panels, strict=True):
            _panel(ax, panel)
        buffer = io.StringIO()
        canvas.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return inline(buffer.getvalue(), figure.key)


def inline(svg: str, key: str) -> str:
    """Cut an SVG file down to what stands in a page, its colours turned into the page's variables."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\s+(xmlns(:\w+)?|version)="[^"]*"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{key}-", svg)
    svg = re.sub(r'<svg ([^>]*?)width="[^"]*"', r'<svg \1width="100%"', svg, count=1)
    svg = re.sub(r'<svg ([^>]*?)height="[^"]*"', r'<svg aria-hidden="true" \1', svg, count=1)
    for slot in range(SLOTS):
        svg = svg.replace(colour(slot), f"var(--s{slot})")
    return svg.replace(INK, "var(--ink)").replace(FAINT, "var(--grid)").strip()


def colour(slot: int) -> str:
    """The stand-in for a colour of the page."""
    return f"#0a0b0{slot % SLOTS}"


def dashes(slot: int) -> tuple[float, ...]:
    """The dash pattern of a method: solid for the first eight, then others."""
    return DASHES[slot // SLOTS % len(DASHES)]


def _panel(ax: Any, panel: Panel) -> None:
    for line in panel.lines:
        _line(ax, line)
    for dots in panel.dots:
        _dots(ax, dots)
    ax.set_title(panel.title)
    ax.set_xlabel(panel.x_label)
    ax.set_ylabel(panel.y_label if ax.get_subplotspec().is_first_col() else "")
    if panel.lines:
        ax.xaxis.get_major_locator().set_params(integer=True)


def _line(ax: Any, line: Line) -> None:
    pattern = dashes(line.slot)
    ax.plot(line.xs, line.ys, color=colour(line.slot), linewidth=1.8, solid_capstyle="round",
            linestyle=(0, pattern) if pattern else "-", marker="o" if len(line.xs) < 3 else None, markersize=4)  # fmt: skip
    if line.low:
        ax.fill_between(line.xs, line.low, line.high, color=colour(line.slot), alpha=0.16, linewidth=0)


def _dots(ax: Any, dots: Dots) -> None:
    marker = "os^D"[dots.slot // SLOTS % 4]
    ax.plot(dots.xs, dots.ys, marker, color=colour(dots.slot), alpha=0.45, markersize=4, markeredgewidth=0)
    centre = [sum(dots.xs) / len(dots.xs)], [sum(dots.ys) / len(dots.ys)]
    ax.plot(*centre, marker, color=colour(dots.slot), markersize=8.5, markeredgewidth=0)
