"""The result of a run in a few lines: one per method, from `summary.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Table

from asgml.lab.cli.console import Output
from asgml.lab.tasks import scoring


def show(summary: Mapping[str, Any]) -> None:
    """Print the task's first two metrics and the utilisation gap per method, and point by point where there are several."""
    for point in summary.get("points", ()):
        _table(point["summary"], point["folder"])
    if "points" not in summary:
        _table(summary)


def _table(summary: Mapping[str, Any], title: str | None = None) -> None:
    """Mean and standard deviation over the seeds."""
    table = Table("method", box=box.SIMPLE_HEAD, title=title, title_justify="left")
    metrics = scoring.of(summary).metrics[:2]
    named = [f"test {m.name}{', %' if m.unit == 'share' else ''}" for m in metrics]
    for head in ("seeds", *named, "utilisation gap, pp"):
        table.add_column(head, justify="right")
    for name, found in summary["methods"].items():
        failed = f" ({len(found['failed'])} failed)" if found["failed"] else ""
        gap = found.get("utilization_gap", {}).get("avg")
        shown = [(_percent if m.unit == "share" else _number)(found.get(f"test_{m.key}")) for m in metrics]
        table.add_row(name, f"{found['n']}{failed}", *shown, _percent(gap))
    Output().print(table)


def _number(stat: Mapping[str, float | None] | None) -> str:
    if not stat or stat["mean"] is None:
        return "-"
    spread = stat.get("sd")
    return f"{stat['mean']:.4g}" + ("" if spread is None else f" ± {spread:.2g}")


def _percent(stat: Mapping[str, float | None] | None) -> str:
    if not stat or stat["mean"] is None:
        return "-"
    spread = stat.get("sd")
    return f"{100 * stat['mean']:.1f}" + ("" if spread is None else f" ± {100 * spread:.1f}")
