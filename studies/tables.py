"""Words and Markdown tables that the studies' pages share."""

from collections.abc import Mapping, Sequence

from asgml.lab import statistics
from asgml.lab.statistics import Estimate


def points(found: Estimate | None) -> str:
    """Format a difference in percentage points, with its 95 % t interval."""
    if found is None:
        return "-"
    within = found.interval
    return f"{100 * found.mean:+.1f}" + (f" ({100 * within.low:+.1f} to {100 * within.high:+.1f})" if within else "")


def level(values: Mapping[int, float]) -> str:
    """Format a mean and its spread, in percent."""
    if not values:
        return "-"
    found = statistics.estimate(list(values.values()))
    return f"{100 * found.mean:.1f}" + (f" ± {100 * found.sd:.1f}" if found.sd is not None else "")


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, all columns but the first to the right."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *body])


def counted(numbers: Sequence[int]) -> str:
    """Say how many there are of each: 5, or 3 to 5."""
    return str(min(numbers)) if len(set(numbers)) == 1 else f"{min(numbers)} to {max(numbers)}"
