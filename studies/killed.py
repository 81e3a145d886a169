"""Is a sweep that is killed again and again worth one that is left alone? Runs 2 data sets x 6 methods x 6 seeds both ways.

    python studies/killed.py --kills 5 --epochs 3

SIGKILL ends the sweep in the middle of cells, after a share of them that is drawn at random; the same command goes on. At the
end all records but wall times and memory, all predictions and all summaries must be equal, or it says which are not.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

MACHINE = {"seconds", "peak_memory"}
"""What of a record belongs to the machine."""
COMPARED = ("metrics.jsonl", "predictions.npz", "model.safetensors", "result.json", "summary.json", "index.json")
METHODS = {
    "baseline": [],
    "frequency": {"frequency": {"modality": "audio", "k": 2}},
    "staleness": {"staleness": {"modality": "audio", "tau": 2}},
    "ogm_ge": {"ogm_ge": {"alpha": 0.3}},
    "adaptive": {"adaptive": {"signal": "probe"}},
    "dropout": {"modality_dropout": {"p": 0.3}},
}


def experiment(epochs: int) -> dict[str, object]:
    """Return the settings; both data sets are generated."""
    return {
        "name": "killed",
        "datasets": {"keypad": {"name": "keypad"}, "keypad_sum": {"name": "keypad", "task": "sum_mod_10"}},
        "train": {"epochs": epochs, "look": "chosen"},
        "seeds": [0, 1, 2, 3, 4, 5],
        "methods": METHODS,
    }


def started(file: Path, out: Path) -> subprocess.Popen[bytes]:
    """Start the sweep."""
    return subprocess.Popen([sys.executable, "-m", "asgml", "run", str(file), "--out", str(out), "--jobs", "2", "--quiet"])


def finished(out: Path) -> int:
    """Return how many cells have a result."""
    return len(list(out.rglob("result.json")))


def kill(file: Path, out: Path, after: int) -> str:
    """Run the sweep until so many cells are done and some time more, and kill it; return what it left."""
    sweep = started(file, out)
    while finished(out) < after and sweep.poll() is None:
        time.sleep(0.05)
    time.sleep(random.uniform(0, 3))
    sweep.send_signal(signal.SIGKILL)
    sweep.wait()
    cells = len(list(out.rglob("config.json")))
    begun = {p.parent for p in out.rglob("log.txt")} - {p.parent for p in out.rglob("result.json")}
    return f"killed with {finished(out)} of {cells} cells done and {len(begun)} under way"


def without_machine(value: object) -> object:
    """Drop wall times and memory."""
    if isinstance(value, dict):
        return {k: without_machine(v) for k, v in value.items() if k not in MACHINE}
    return [without_machine(v) for v in value] if isinstance(value, list) else value


def differing(one: Path, other: Path) -> Iterator[str]:
    """Yield the files of two runs that do not say the same."""
    files = [{p.relative_to(run) for name in COMPARED for p in run.rglob(name)} for run in (one, other)]
    for name in sorted(files[0] | files[1]):
        if not all((run / name).exists() for run in (one, other)) or read(one / name) != read(other / name):
            yield str(name)


def read(path: Path) -> object:
    """Return a file's content as far as it is to be equal."""
    if path.suffix == ".jsonl":
        return [without_machine(json.loads(line)) for line in path.read_text().splitlines()]
    return without_machine(json.loads(path.read_text())) if path.suffix == ".json" else path.read_bytes()


def main() -> int:
    """Run both, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keep the runs here")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "killed.yaml"
    file.write_text(yaml.safe_dump(experiment(arguments.epochs)))
    alone, cut = folder / "alone", folder / "cut"
    for after in sorted(random.sample(range(1, 71), arguments.kills)):
        print(kill(file, cut, after), flush=True)
    codes = [started(file, out).wait() for out in (cut, alone)]
    found = list(differing(alone, cut))
    files = sum(1 for name in COMPARED for _ in alone.rglob(name))
    print(f"exit codes {codes}; cells finished: {finished(cut)} and {finished(alone)}; {len(found)} of {files} files differ")
    print(*found, sep="\n")
    return int(bool(found) or any(codes))


if __name__ == "__main__":
    sys.exit(main())
