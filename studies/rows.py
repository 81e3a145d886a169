"""What a study keeps of its runs: one row per data set, method and seed, in a CSV file that later runs add to.

    python studies/rows.py outputs/phase2 docs/results/phase2.csv

Rows of cells that the run holds replace older ones; all others stay, so that a study may be measured in parts.
"""

import argparse
import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from asgml.lab import store
from asgml.lab.config import points
from asgml.lab.report import folders, index, measures
from asgml.lab.report.model import Method, Study

KEYS = ("dataset", "settings", "method", "seed")
MEASURES = {
    "test_accuracy": measures.chosen("test/accuracy"),
    "test_f1_macro": measures.chosen("test/f1_macro"),
    "validation_accuracy": measures.chosen("val/accuracy"),
    "train_accuracy": measures.chosen("train/accuracy"),
    "tflop": measures.training_cost,
    **{f"probe_{m}": measures.probe(m, "final") for m in ("audio", "visual", "text")},
    **{f"skipped_{m}": measures.over_epochs(f"train/skipped_share_{m}", "avg") for m in ("audio", "visual", "text")},
}
COLUMNS = (*KEYS, "lr", *MEASURES)
Row = Mapping[str, str]


def key(row: Row) -> tuple[str, ...]:
    """What names a row."""
    return tuple(row[k] for k in KEYS)


def of_run(run: Path) -> list[Row]:
    """Return the rows of all finished cells of a run over several data sets or points, or of a plain one."""
    experiment = index.several(run)
    if experiment is None:
        study = folders.read(run)
        return list(_of_study(study, str((study.settings or {})["dataset"]["name"]), {}))
    found = [p for p in points.of(experiment) if (run / p.folder / "experiment.json").exists()]
    return [row for p in found for row in _of_study(folders.read(run / p.folder), p.dataset or p.experiment.dataset.name,
                                                    p.settings)]  # fmt: skip


def _of_study(study: Study, dataset: str, settings: Mapping[str, object]) -> Iterator[Row]:
    for method in study.methods:
        at = {"dataset": dataset, "settings": ",".join(f"{k}={v}" for k, v in settings.items()), "method": method.name}
        values = {name: measures.values(method, measure) for name, measure in MEASURES.items()}
        for run in method.runs:
            scores = {name: repr(round(found[run.seed], 6)) for name, found in values.items() if run.seed in found}
            yield dict.fromkeys(COLUMNS, "") | at | {"seed": str(run.seed), "lr": repr(_lr(study, method))} | scores


def _lr(study: Study, method: Method) -> float:
    tuned = ((study.tuning or {}).get("methods", {}).get(method.name) or {}).get("chosen") or {}
    return float(tuned.get("train.lr", (study.settings or {})["train"]["lr"]))


def read(path: Path) -> list[Row]:
    """Return a file's rows; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: Iterable[Row], columns: Sequence[str] = COLUMNS) -> None:
    """Write rows whole or not at all."""
    lines = [",".join(columns), *(",".join(f'"{row[c]}"' if "," in row[c] else row[c] for c in columns) for row in rows)]
    path.parent.mkdir(parents=True, exist_ok=True)
    store.write_atomic(path, ("\n".join(lines) + "\n").encode())


def add(run: Path, path: Path) -> list[Row]:
    """Add a run's rows to a file, in the run's order; return all of them."""
    new = of_run(run) if run.exists() else []
    names = {key(row) for row in new}
    rows = [row for row in read(path) if key(row) not in names] + new
    order = {name: n for n, name in enumerate(dict.fromkeys((r["dataset"], r["settings"], r["method"]) for r in [*new, *rows]))}
    rows.sort(key=lambda r: (order[r["dataset"], r["settings"], r["method"]], int(r["seed"])))
    write(path, rows)
    return rows


def publish(about: str | None, path: Path, experiment: str, page: Callable[[list[Row], str], str]) -> None:
    """What a study's command does: add a run's rows to its file, and print the page that is made of all rows."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--command", default=f"asgml run {experiment}", help="the command that made the run, for the page")
    arguments = parser.parse_args()
    print(page(add(arguments.run, path), arguments.command), end="")


def main() -> None:
    """Add one run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("csv", type=Path)
    arguments = parser.parse_args()
    print(f"{len(add(arguments.run, arguments.csv))} rows in {arguments.csv}")


if __name__ == "__main__":
    main()
