"""Is it only the learning rate? Writes the page from the rows of `experiments/lr_question.yaml`.

    asgml run lr_question
    python studies/lr_question.py outputs/lr_question > docs/lr_question.md

The rows stand in docs/results/lr_question.csv; a run that is not there any more is no loss.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import rows as kept
from tables import counted, level, points, table

from asgml.lab import statistics

BASELINE = "baseline"
FILE = Path("docs/results/lr_question.csv")
Scores = Mapping[tuple[str, float], Mapping[int, float]]
"""(method, learning rate) -> seed -> accuracy, a share."""


def scores(rows: list[kept.Row], column: str) -> dict[tuple[str, float], dict[int, float]]:
    """Collect one column."""
    found: dict[tuple[str, float], dict[int, float]] = {}
    for row in rows:
        found.setdefault((row["method"], float(row["lr"])), {})[int(row["seed"])] = float(row[column])
    return found


def tuned(validation: Scores, method: str) -> float:
    """Return the learning rate with the best mean accuracy on validation, the smaller of equals."""
    means = {lr: statistics.mean(list(v.values())) for (m, lr), v in validation.items() if m == method}
    return min(means, key=lambda lr: (-means[lr], lr))


def _counted_level(values: Mapping[int, float], usual: int) -> str:
    return level(values) + (f" (n = {len(values)})" if len(values) != usual else "")


def left(test: Scores, method: str, at: float, own: float, base: float) -> list[str]:
    """Return one row: the gain at the rate where it is largest, the gain when both are tuned, and what share that is."""
    most, after = (statistics.paired(test[method, lr], test[BASELINE, b]) for lr, b in ((at, at), (own, base)))
    assert most is not None
    assert after is not None
    share = "no gain to keep" if most.mean <= 0 else f"{100 * after.mean / most.mean:.0f} %" if after.mean > 0 else "nothing"
    return [f"`{method}`", f"{at:g}", points(most), f"{own:g}", points(after), share]


def page(rows: list[kept.Row], command: str) -> str:
    """Compose the page."""
    test, validation = scores(rows, "test_accuracy"), scores(rows, "validation_accuracy")
    methods, rates = list(dict.fromkeys(m for m, _ in test)), sorted({lr for _, lr in test})
    others = [m for m in methods if m != BASELINE]
    n = counted([len(v) for v in test.values()])
    usual = Counter(len(v) for v in test.values()).most_common(1)[0][0]
    best = {m: tuned(validation, m) for m in methods}
    gain = {m: {lr: statistics.paired(test[m, lr], test[BASELINE, lr]) for lr in rates} for m in others}
    largest = {m: max(rates, key=lambda lr: gain[m][lr].mean if gain[m][lr] else -1.0) for m in others}
    data = ", ".join(dict.fromkeys(row["dataset"] for row in rows))
    head = ["method", *(f"lr {lr:g}" for lr in rates)]
    return PAGE.format(
        command=command,
        rates=len(rates), data=data, n=n, plain=best[BASELINE],
        levels=table(head, [[f"`{m}`", *(_counted_level(test[m, lr], usual) for lr in rates)] for m in methods]),
        gains=table(head, [[f"`{m}`", *(points(gain[m][lr]) for lr in rates)] for m in others]),
        left=table(["method", "rate of its largest gain", "that gain", "its tuned rate", "gain, both tuned", "left"],
                   [left(test, m, largest[m], best[m], best[BASELINE]) for m in others]),
    )  # fmt: skip


PAGE = """\
# Is it only the learning rate?

A method that is compared at one learning rate may look good because that rate is wrong for plain training. Here every
method is trained at {rates} rates; {data}, n = {n} seeds, test accuracy at the epoch chosen on validation. Made by

```
{command}
python studies/lr_question.py outputs/lr_question > docs/lr_question.md
```

from [the rows](results/lr_question.csv). All of it is exploratory: intervals, uncorrected, and no p. A seed whose training
diverged is left out of its mean; n stands where it is not that of most.

## Test accuracy, % (mean ± sd over seeds)

{levels}

## Gain over plain training at the same rate, percentage points (95 % t interval, paired by seed)

{gains}

## What is left of each gain once plain training is tuned too

The largest gain at a rate that both share, picked on test accuracy in the method's favour, against the gain when each has
the rate that is best for it on validation (plain training: {plain:g}).

{left}
"""


if __name__ == "__main__":
    kept.publish(__doc__, FILE, "lr_question", page)
