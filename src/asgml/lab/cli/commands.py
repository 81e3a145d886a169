"""What `asgml run` and `asgml report` do. What reads, trains and draws is imported only after all cheap checks."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from asgml.lab import outputs
from asgml.lab.cli import asked
from asgml.lab.errors import InputError

if TYPE_CHECKING:
    from asgml.lab import engines

REPORT = ("report.html", "analysis.md", "summary.json")
INDEX = ("index.html", "index.md", "index.json")


@dataclass(frozen=True, slots=True)
class Where:
    """Where cells run, as the command line says it; `jobs` is how many at once, None where that is left to us."""

    engine: engines.Name = "local"
    address: str | None = None
    gpus_per_cell: int = 0
    jobs: int | None = None

    def most(self, cores: int) -> int | None:
        """Return how many cells may train at once; a cluster's queue takes all of them."""
        if self.jobs is not None and self.jobs < 1:
            raise InputError(f"--jobs: must be 1 or more, found {self.jobs}")
        from asgml.lab import sweep

        return self.jobs or (max(1, sweep.usable_cores() // cores) if self.engine == "local" else None)


def run(
    name_or_path: str, sets: Sequence[str], out: Path | None, where: Where, *, data: Sequence[str] = (), quiet: bool = False
) -> bool:
    """Check everything, prepare the data, train the cells, write the report; return whether some cell failed.

    `data` say where data lie now. `quiet`: nothing is said but what went wrong, on standard error.
    """
    asked.run(name_or_path, where.jobs)
    from asgml.lab.cli import running

    outcome = running.run(name_or_path, sets, out, where, data, quiet=quiet)
    report_run(outcome.out, bool(outcome.failed), quiet)
    if outcome.failed and not quiet:
        say(f"{outcome.failed} of {outcome.cells} cells failed; the same command runs them again")
    return bool(outcome.failed)


def report(folder: Path | None, tensorboard: Sequence[str], out: Path | None, epochs: str | None) -> None:
    """Write the report of a run's folder, or of folders with event files."""
    asked.report(folder, tensorboard, out, epochs)
    shown = asked.shown(epochs)
    if out is not None:
        outputs.check_folder(out)
    if folder:
        _show(_reports().write(folder, to=out, epochs=shown), out or folder)
        return
    assert out is not None
    _show(_reports().write_tensorboard(asked.named(tensorboard), to=out, epochs=shown), out)


def _reports() -> ModuleType:
    from asgml.lab import report

    return report


def report_run(out: Path, some_failed: bool, quiet: bool) -> None:
    """Write the report of what ran, as far as that is possible where some cells failed."""
    try:
        summary = _reports().write(out)
        if not quiet:
            _show(summary, out)
    except InputError as error:
        if not some_failed:
            raise
        print(f"asgml: error: no report: {error}", file=sys.stderr)


def _show(summary: Mapping[str, Any], folder: Path) -> None:
    """Show the results in short, and where the files are."""
    from asgml.lab.cli import results

    results.show(summary)
    for name in INDEX if "points" in summary else REPORT:
        say(f"wrote {folder / name}")


def say(words: str) -> None:
    """Print at once."""
    print(words, flush=True)
