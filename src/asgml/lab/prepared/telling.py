"""What most of the files that gave no sample have in common, in a line."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from asgml.lab.prepared import PROBLEMS


def problems_listed(folder: Path) -> list[dict[str, str]]:
    """Return the files of a store that gave no sample, as its list has them."""
    with (folder / PROBLEMS).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def commonest(problems: Sequence[Mapping[str, str]]) -> str:
    """Return the commonest reason, how many files have it, and what is said of most of them; "" where there is none."""
    if not problems:
        return ""
    reason, count = Counter(p["reason"] for p in problems).most_common(1)[0]
    detail, alike = Counter(p["detail"] for p in problems if p["reason"] == reason).most_common(1)[0]
    return f"most often: {reason} ({count} of {len(problems)}), {'such as: ' * (alike < count)}{detail}"
