"""Does `auto` find the side to slow? Writes the page from the rows of `experiments/auto.yaml`.

    asgml run auto
    python studies/auto.py outputs/auto > docs/auto.md

The rows stand in docs/results/auto.csv; settings and seeds may be measured in several runs.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import rows as kept
from results import column, cost, minus
from tables import counted, level, points, table

from asgml.lab import statistics

FILE = Path("docs/results/auto.csv")
METHODS = ("baseline", "baseline_train_and_steer", "always_audio", "always_visual", "random_side", "auto")
SIDES = ("always_audio", "always_visual")
Scores = Mapping[str, Mapping[str, Mapping[int, float]]]
"""Setting -> method -> seed -> a share."""


def better(at: Mapping[str, Mapping[int, float]]) -> str:
    """Return the fixed side with the higher mean: picked on test accuracy, in its favour."""
    return max(SIDES, key=lambda m: statistics.mean(list(at[m].values())))


def over_all(pairs: Sequence[tuple[Mapping[int, float], Mapping[int, float]]]) -> statistics.Estimate | None:
    """Return the mean difference over settings, seed by seed, for the seeds that all of them have."""
    each = [minus(a, b) for a, b in pairs]
    seeds = sorted(set.intersection(*map(set, each)))
    return statistics.estimate([statistics.mean([d[s] for d in each]) for s in seeds]) if seeds else None


def aim(name: str, found: statistics.Estimate | None) -> tuple[str, str]:
    """Return what was aimed at, and how near it comes."""
    within = found.interval if found else None
    if found is None or within is None:
        return "", "-"
    if name.startswith("better"):
        return "upper bound below 1", "yes" if within.high < 0.01 else "no"
    if name in ("`auto` less `baseline`", "`auto` less `baseline_train_and_steer`"):
        return "lower bound above -1", "yes" if within.low > -0.01 else "no"
    return "ahead", "no" if found.mean <= 0 else "yes" if within.low > 0 else "by the mean, not resolved"


def page(rows: list[kept.Row], command: str) -> str:
    """Compose the page."""
    test, tflop = column(rows, "test_accuracy"), column(rows, "tflop")
    skipped = {m: column(rows, f"skipped_{m}") for m in ("audio", "visual")}
    levels = [[f"`{name}`", *(level(at[m]) for m in METHODS), f"`{better(at)}`"] for name, at in test.items()]
    acted = [[f"`{name}`", *(level(skipped[m][name]["auto"]) for m in skipped), cost(tflop[name], "auto")] for name in test]
    less = {
        "better fixed side less `auto`": over_all([(at[better(at)], at["auto"]) for at in test.values()]),
        **{f"`auto` less `{m}`": over_all([(at["auto"], at[m]) for at in test.values()]) for m in METHODS[:-1]},
    }
    aims = [[name, points(found), *aim(name, found)] for name, found in less.items()]
    return PAGE.format(
        command=command,
        n=counted([len(v) for at in test.values() for v in at.values()]),
        levels=table(["setting", *(f"`{m}`" for m in METHODS), "better side"], levels),
        aims=table(["difference, mean over settings", "points", "aim", "met"], aims),
        acted=table(["setting", "audio skipped, %", "visual skipped, %", "cost of `auto`, % of plain training"], acted),
    )


PAGE = """\
# Does `auto` find the side to slow?

Six settings of keypad: three spoil what the images tell (few distinct ones, 40 % wrong ones, strong noise), three the sounds,
in the same ways: what is spoilt was meant to be the side to slow. `auto` is told nothing; it reads samples set aside from the
training split. n = {n} seeds; every method has its own learning rate, chosen on validation from the same grid with other seeds.
Made by

```
{command}
python studies/auto.py outputs/auto > docs/auto.md
```

from [the rows](results/auto.csv).

## Test accuracy, % (mean ± sd over seeds)

{levels}

## Over all settings (95 % t interval over seeds)

The better side is picked on test accuracy, in its favour. `baseline` trains on the same samples as all others;
`baseline_train_and_steer` has those too that `auto` reads, as anyone would train who does not need them.

{aims}

## What `auto` did

{acted}
"""


if __name__ == "__main__":
    kept.publish(__doc__, FILE, "auto", page)
