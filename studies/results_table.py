"""Print a run's results as one Markdown table: `python studies/results_table.py outputs/phase1_sides`."""

import argparse
from pathlib import Path
from typing import Any

from asgml.lab import store

COLUMNS = (
    "method",
    "n",
    "test accuracy, %",
    "macro F1, %",
    "audio probe, %",
    "visual probe, %",
    "gap, points",
    "change of gap, %",
)


def percent(value: dict[str, Any] | None) -> str:
    """Format a mean and its standard deviation in percent."""
    if value is None:
        return "-"
    return f"{100 * value['mean']:.1f}" + (f" ± {100 * value['sd']:.1f}" if value["sd"] is not None else "")


def row(name: str, found: dict[str, Any]) -> list[str]:
    """Return one method's cells."""
    probes, gap = found.get("probe_acc", {}), found.get("utilization_gap", {})
    change = gap.get("change_vs_baseline")
    return [
        f"`{name}`",
        str(found["n"]),
        percent(found.get("test_accuracy")),
        percent(found.get("test_f1_macro")),
        *(percent(probes.get(m, {}).get("avg")) for m in ("audio", "visual")),
        percent(gap.get("avg")),
        "-" if change is None else f"{100 * change:+.0f}",
    ]


def main() -> None:
    """Read summary.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    methods = store.read_json(parser.parse_args().run / "summary.json")["methods"]
    print("| " + " | ".join(COLUMNS) + " |")
    print("|---|" + "---:|" * (len(COLUMNS) - 1))
    for name, found in methods.items():
        print("| " + " | ".join(row(name, found)) + " |")


if __name__ == "__main__":
    main()
