"""What phase 2 measured, as one page, from the rows of its runs.

    asgml run phase2
    python studies/results.py outputs/phase2 > docs/results.md
    python studies/cost_figure.py

The rows stand in docs/results/phase2.csv: data sets and seeds may be measured in several runs, one after the other.
"""

from collections.abc import Mapping
from pathlib import Path

import rows as kept
from tables import counted, level, points, table

from asgml.lab import statistics
from asgml.lab.config.load import load_experiment

BASELINE, FILE = "baseline", Path("docs/results/phase2.csv")
Scores = Mapping[str, Mapping[str, Mapping[int, float]]]
"""Data set -> method -> seed -> a number."""
Front = list[str]
"""Methods, the cheapest first, each better than all before."""


def column(rows: list[kept.Row], name: str) -> dict[str, dict[str, dict[int, float]]]:
    """Collect one column; a row without it is left out."""
    found: dict[str, dict[str, dict[int, float]]] = {}
    for row in rows:
        seeds = found.setdefault(row["dataset"], {}).setdefault(row["method"], {})
        if row[name]:
            seeds[int(row["seed"])] = float(row[name])
    return found


def minus(a: Mapping[int, float], b: Mapping[int, float]) -> dict[int, float]:
    """Seed by seed."""
    return {seed: x - b[seed] for seed, x in a.items() if seed in b}


def cost(tflop: Mapping[str, Mapping[int, float]], method: str) -> str:
    """Training cost as a share of plain training's, in percent."""
    own, base = (statistics.mean(list(tflop[m].values())) for m in (method, BASELINE))
    return f"{100 * own / base:.0f}"


def levels(rows: list[kept.Row], dataset: str) -> dict[str, tuple[float, float]]:
    """Method -> training cost, as a share of plain training's, and test accuracy: means over seeds, in percent."""
    test, tflop = (column(rows, name)[dataset] for name in ("test_accuracy", "tflop"))
    plain = statistics.mean(list(tflop[BASELINE].values()))
    return {m: (100 * statistics.mean(list(tflop[m].values())) / plain, 100 * statistics.mean(list(found.values())))
            for m, found in test.items()}  # fmt: skip


def front(points: Mapping[str, tuple[float, float]]) -> Front:
    """Return those that no cheaper or equally dear one is better than, the cheapest first."""
    ahead: Front = []
    for method in sorted(points, key=lambda m: (points[m][0], -points[m][1])):
        if not ahead or points[method][1] > points[ahead[-1]][1]:
            ahead.append(method)
    return ahead


def at_cost(rows: list[kept.Row], dataset: str) -> str:
    """Say which methods are best for what they cost, and show all."""
    points = levels(rows, dataset)
    named = ", ".join(f"`{m}` ({points[m][0]:.0f} %, {points[m][1]:.1f} %)" for m in front(points))
    alt = f"Test accuracy against training cost of every method on {dataset}; the line joins the best for their cost"
    return f"Best for its cost, by the means (cost, accuracy): {named}.\n\n![{alt}](images/cost_{dataset}.png)"


def rates(rows: list[kept.Row], dataset: str) -> dict[str, str]:
    """Method -> the learning rate that its tuning took."""
    return {row["method"]: f"{float(row['lr']):g}" for row in rows if row["dataset"] == dataset}


def one(rows: list[kept.Row], dataset: str) -> str:
    """One data set's table, the best mean accuracy first."""
    get = {name: column(rows, name).get(dataset, {}) for name in kept.MEASURES}
    test, lr = get["test_accuracy"], rates(rows, dataset)
    modalities = [m for m in ("audio", "visual", "text") if any(get[f"probe_{m}"].values())]
    head = ["method", "n", "lr", "accuracy, %", "less plain training, points", "macro F1, %",
            *(f"{m} probe, %" for m in modalities), "gap, points", "train - test, points", "cost, %"]  # fmt: skip
    body = []
    for m in sorted(test, key=lambda m: -statistics.mean(list(test[m].values()))):
        gap = minus(get[f"probe_{modalities[0]}"][m], get[f"probe_{modalities[1]}"][m])
        body.append([
            f"`{m}`", str(len(test[m])), lr[m], level(test[m]),
            "" if m == BASELINE else points(statistics.paired(test[m], test[BASELINE])), level(get["test_f1_macro"][m]),
            *(level(get[f"probe_{x}"][m]) for x in modalities), level(gap), level(minus(get["train_accuracy"][m], test[m])),
            cost(get["tflop"], m),
        ])  # fmt: skip
    return table(head, body)


def primary(test: Scores) -> str:
    """The comparisons that the experiment named: mean over the data sets, exact sign-flip test, Holm."""
    named = load_experiment("phase2").primary
    found = [pooled(test, comparison.method, comparison.against) for comparison in named]
    ps = [statistics.sign_flip(list(d.values())) if d else 1.0 for d in found]
    mean = [statistics.estimate(list(d.values())) if d else None for d in found]
    body = [[f"`{c.method}` less `{c.against}`", str(len(d)), points(m), f"{p:.3f}", f"{holm:.3f}"]
            for c, d, m, p, holm in zip(named, found, mean, ps, statistics.holm(ps), strict=True)]  # fmt: skip
    return table(["comparison", "n", "difference, points", "p", "p after Holm"], body)


def pooled(test: Scores, method: str, against: str) -> dict[int, float]:
    """Seed -> mean difference over the data sets, for the seeds that all of them have."""
    each = [minus(at.get(method, {}), at.get(against, {})) for at in test.values()]
    seeds = set.intersection(*map(set, each)) if each else set()
    return {seed: statistics.mean([d[seed] for d in each]) for seed in sorted(seeds)}


def page(rows: list[kept.Row], command: str) -> str:
    """Compose the page."""
    test = column(rows, "test_accuracy")
    seeds = counted([len(v) for at in test.values() for v in at.values()])
    least = statistics.smallest_p(min(len(v) for at in test.values() for v in at.values()), 4)
    sections = "\n\n".join(f"## {name}\n\n{one(rows, name)}\n\n{at_cost(rows, name)}" for name in test)
    return PAGE.format(command=command, n=seeds, least=least, primary=primary(test), sections=sections, names=", ".join(test))


PAGE = """\
# Phase 2, measured

Every method of `phase2` on {names}; n = {n} seeds. Each method has its own learning rate, chosen on validation from the same
grid with other seeds, plain training included. Validation chooses the epoch; test samples are scored and nothing else. Made by

```
{command}
python studies/results.py outputs/phase2 > docs/results.md
python studies/cost_figure.py
```

from [the rows](results/phase2.csv).

## The comparisons that were named beforehand

Mean over the data sets, paired by seed; exact two-sided sign-flip test, Holm over the four. With this n and four comparisons p
cannot go below {least:.2g}.

{primary}

All tables below are exploratory: means ± sd over seeds, 95 % t intervals of paired differences, uncorrected, no p. *Gap* is the
first modality's probe less the second's. *Cost* is the training's floating-point operations as a share of plain training's,
monitors included.

{sections}
"""


if __name__ == "__main__":
    kept.publish(__doc__, FILE, "phase2", page)
