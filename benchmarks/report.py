"""How long a large report takes to build and how large its page is: made logs, no training.

`python benchmarks/report.py` makes 72 cells (12 methods x 6 seeds) of 50,000 updates each, eight numbers an update, in a
temporary folder, and builds their report once. The limits are 20 seconds and 5 MB; it ends with code 1 beyond them.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from asgml.lab import report, store

METHODS, SEEDS, EPOCHS = 12, 6, 50
SECONDS, BYTES = 20.0, 5_000_000
MODALITIES = ("audio", "visual")


def lines(updates: int, rng: np.random.Generator) -> Iterator[str]:
    """The lines of one cell, as a training writes them."""
    yield json.dumps({"kind": "header", "modalities": MODALITIES, "dataset_modalities": MODALITIES,
                      "classes": list("0123456789"), "note": "made",
                      "sizes": {"train": 8000, "validation": 1000, "test": 4000}, "parameters": 1,
                      "versions": {"asgml": "made"}})  # fmt: skip
    each, step = updates // EPOCHS, 0
    for epoch in range(1, EPOCHS + 1):
        for numbers in rng.random((each, 8)).tolist():
            loss, lr, total, audio, visual, factor, probe, other = numbers
            yield (f'{{"kind": "step", "step": {step}, "epoch": {epoch}, "loss": {loss}, "lr": {lr}, "total_norm": {total}, '
                   f'"grad_norm": {{"audio": {audio}, "visual": {visual}}}, "skipped": [], "held": [], '
                   f'"readings": {{"gap": {{"audio": {probe}, "visual": {other}}}}}, '
                   f'"applied": {{"scale": {{"audio": {factor}}}}}}}')  # fmt: skip
            step += 1
        yield json.dumps({"kind": "epoch", "epoch": epoch, "step": step - 1, "seconds": 2.0, "flops": 1e12, **shares(rng),
                          **{split: scores(rng, epoch) for split in ("train", "validation", "test")}})  # fmt: skip


def shares(rng: np.random.Generator) -> dict[str, dict[str, float]]:
    return {f"{kind}_share": {m: float(rng.random()) for m in MODALITIES} for kind in ("skipped", "held")}


def scores(rng: np.random.Generator, epoch: int) -> dict[str, object]:
    accuracy, *probes = (0.4 + 0.008 * epoch + 0.05 * rng.random(3)).tolist()
    return {"accuracy": accuracy, "f1_macro": accuracy, "loss": 1.0, "probe_acc": dict(zip(MODALITIES, probes, strict=True)),
            "utilization_gap": abs(probes[0] - probes[1])}  # fmt: skip


def make(run: Path, updates: int) -> None:
    """Write the folder of a run."""
    methods = {f"method_{i}" if i else "baseline": [] for i in range(METHODS)}
    run.mkdir(parents=True)
    store.write_json(run / "experiment.json", {"name": "large", "seeds": list(range(SEEDS)), "methods": methods})
    for i, method in enumerate(methods):
        for seed in range(SEEDS):
            cell = store.cell_folder(run, method, seed)
            cell.mkdir(parents=True)
            (cell / "metrics.jsonl").write_text("\n".join(lines(updates, np.random.default_rng([i, seed]))) + "\n")
            store.write_json(cell / "result.json", {"status": "finished", "best_epoch": EPOCHS})


def measure(run: Path) -> tuple[float, int]:
    """Build the report; return seconds and the page's bytes."""
    began = time.perf_counter()
    report.write(run, to=run / "report")
    return time.perf_counter() - began, (run / "report" / "report.html").stat().st_size


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--updates", type=int, default=50_000)
    parser.add_argument("--folder", type=Path, help="make the logs here and keep them; use those that are there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        run = options.folder or Path(temporary) / "large"
        if not run.exists():
            make(run, options.updates)
        seconds, size = measure(run)
    cells = METHODS * SEEDS
    print(f"{cells} cells x {options.updates:,} updates: report built in {seconds:.1f} s, page of {size / 1e6:.2f} MB")
    return int(seconds > SECONDS or size > BYTES)


if __name__ == "__main__":
    sys.exit(main())
