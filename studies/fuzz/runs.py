"""A tiny run, trained once, whose copies are spoilt."""

import shutil
import subprocess
import sys
from pathlib import Path

SMALL = """name: small
dataset: {name: keypad, train_size: 100}
train: {epochs: 2}
seeds: [0]
methods: {baseline: [], half: {frequency: {modality: audio, k: 2}}}
"""


def train(folder: Path) -> Path:
    """Return the folder of the run, beside which its experiment lies as `small.yaml`."""
    (folder / "small.yaml").write_text(SMALL)
    run = folder / "ref"
    for words in (
        ["run", str(folder / "small.yaml"), "--out", str(run), "--quiet"],
        ["diagnose", str(run), "--solo"],
        ["report", str(run)],
    ):
        subprocess.run([sys.executable, "-m", "asgml", *words], check=True, stdout=subprocess.DEVNULL)
    warm()
    return run


def warm() -> None:
    """Import what commands import, so that a forked case need not."""
    import asgml.lab.cli.commands
    import asgml.lab.cli.running
    import asgml.lab.report
    import asgml.lab.report.compare
    import asgml.lab.report.paper
    import asgml.lab.training.cell
    import asgml.lab.training.diagnosing  # noqa: F401


def copy(run: Path, folder: Path) -> Path:
    """Return a copy of the run in this folder."""
    shutil.copytree(run, folder / "run")
    return folder / "run"
