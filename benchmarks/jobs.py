"""What `--jobs 2` gains on two cores: the throughput of two cells at once over that of one, on small models.

    python benchmarks/jobs.py --pairs 5 --cells 8 --epochs 6

Each pair trains the same cells by `--jobs 1` and by `--jobs 2`, in an order drawn anew, so that a busy machine slows both;
shown are every ratio of their wall times and the median. The processes are those of `asgml run`, reports are left out, and
the data are in the cache before the first clock starts. Cells of one pair must have the same numbers, or it ends.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from pathlib import Path

from asgml.lab import datasets, sweep
from asgml.lab.cli.progress import Quiet
from asgml.lab.config import Experiment

TARGET = 1.8


def experiment(cells: int, epochs: int) -> Experiment:
    train = {"epochs": epochs, "batch_size": 64, "look": "chosen"}
    named = {"name": "jobs", "seeds": list(range(cells)), "train": train, "loggers": [], "methods": {"baseline": []}}
    return Experiment.model_validate(named).tuned()


def timed(wanted: Experiment, jobs: int) -> tuple[float, list[object]]:
    """Return the seconds that the cells took, and their results."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        outcome = sweep.run(wanted, Path(folder), jobs, Quiet())
        seconds = time.perf_counter() - began
        assert not outcome.failed
        return seconds, [json.loads(path.read_text()) for path in sorted(Path(folder).glob("baseline/*/result.json"))]


def pair(wanted: Experiment) -> float:
    """Return how many times faster two at once are."""
    found = {jobs: timed(wanted, jobs) for jobs in random.sample([1, 2], 2)}
    assert found[1][1] == found[2][1], "`--jobs` must change no number"
    return found[1][0] / found[2][0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--cells", type=int, default=8, help="an even number, so that neither core waits at the end")
    parser.add_argument("--epochs", type=int, default=6)
    options = parser.parse_args()
    wanted = experiment(options.cells, options.epochs)
    for cell in wanted.cells():
        datasets.load(cell.dataset, cell.seed)
    print(f"{sweep.usable_cores()} cores, {options.cells} cells of {options.epochs} epochs")
    ratios = []
    for _ in range(options.pairs):
        ratios.append(pair(wanted))
        print(f"{ratios[-1]:.2f}", end=" ", flush=True)
    print(f"median {statistics.median(ratios):.2f} (target {TARGET})")


if __name__ == "__main__":
    main()
