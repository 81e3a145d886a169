"""Choose learning rate and weight decay for plain joint training alone, on validation; print the table in Markdown.

    python studies/tune_baseline.py phase1 [--set dataset.name=avdigits --set dataset.root=DIR]

Seeds 100-102 are used for nothing else. Run it again after a stop: finished cells are kept.
"""

import argparse
import itertools
import statistics
import subprocess
import sys
from pathlib import Path

from asgml.lab import store

LEARNING_RATES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
WEIGHT_DECAYS = (1e-4, 1e-3)
SEEDS = (100, 101, 102)


def run(experiment: str, sets: list[str], out: Path, lr: float, weight_decay: float) -> tuple[list[float], int]:
    """Train one setting; return the chosen epoch's validation accuracy per seed, and how many seeds failed."""
    fixed = [f"seeds={list(SEEDS)}", "methods={baseline: []}", f"train.lr={lr}", f"train.weight_decay={weight_decay}"]
    options = [part for one in [*sets, *fixed] for part in ("--set", one)]
    command = [sys.executable, "-m", "asgml", "run", experiment, *options, "--out", str(out)]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    results = [store.read_json(store.cell_folder(out, "baseline", seed) / "result.json") for seed in SEEDS]
    finished = [r["validation_accuracy"] for r in results if r and r["status"] == "finished"]
    return finished, len(SEEDS) - len(finished)


def main() -> None:
    """Run the grid."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment")
    parser.add_argument("--set", action="append", default=[], dest="sets")
    parser.add_argument("--out", type=Path, default=Path("outputs/tuning"))
    arguments = parser.parse_args()
    print(f"| learning rate | weight decay | validation accuracy, % (mean ± sd, n = {len(SEEDS)}) |")
    print("|---:|---:|---:|")
    best: tuple[float, float, float] = (-1.0, 0.0, 0.0)
    for lr, weight_decay in itertools.product(LEARNING_RATES, WEIGHT_DECAYS):
        folder = arguments.out / f"lr{lr:g}_wd{weight_decay:g}"
        accuracies, failed = run(arguments.experiment, arguments.sets, folder, lr, weight_decay)
        if failed:
            print(f"| {lr:g} | {weight_decay:g} | {failed} of {len(SEEDS)} seeds failed |", flush=True)
            continue
        mean, sd = statistics.mean(accuracies), statistics.stdev(accuracies)
        print(f"| {lr:g} | {weight_decay:g} | {100 * mean:.2f} ± {100 * sd:.2f} |", flush=True)
        best = max(best, (mean, -lr, -weight_decay))
    print(f"\nChosen: learning rate {-best[1]:g}, weight decay {-best[2]:g} (the smaller of equals).")


if __name__ == "__main__":
    main()
