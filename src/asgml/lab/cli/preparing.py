"""What `asgml data prepare` does."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asgml.lab import outputs
from asgml.lab.errors import InputError

EVERY = 20
"""Lines of progress, where nobody sees a bar move."""


def prepare(
    name: str, root: Path, metadata: Path | None, out: Path, reading: Mapping[str, Any], jobs: int | None, strict: bool
) -> None:
    """List the clips, read them, write the store, and say what came of it."""
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs: must be 1 or more, found {jobs}")
    for option, folder in (("--root", root), ("--metadata", metadata)):
        if folder and not folder.is_dir():
            raise InputError(f"{option}: must be a folder that is there, found {folder}")
    outputs.check_folder(out)
    from pydantic import ValidationError

    from asgml.lab import sweep
    from asgml.lab.prepared import prepare as preparing
    from asgml.lab.prepared import sources
    from asgml.lab.prepared.settings import Reading

    try:
        how = Reading.model_validate(reading)
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][-1]).replace("count", "frames").replace("_", "-")
        raise InputError(f"--{option}: {first['msg'].lower()}, found {first['input']!r}") from error
    listing = sources.listing(name, root, metadata)
    jobs = jobs or sweep.usable_cores()
    print(f"{name}: {len(listing.clips)} clips in {root}, {jobs} read at once, to {out}", flush=True)
    for note in listing.notes:
        print(note, flush=True)
    with _progress() as show:
        outcome = preparing.prepare(listing, how, out, preparing.Job(jobs, strict, progress=show))
    again = f", {outcome.reused} of them read before" if outcome.reused else ""
    print(f"{outcome.rows} clips are prepared{again}; {outcome.problems} files gave no sample")
    print(f"wrote {out}; " * (outcome.reused < outcome.rows) + f"{out / 'problems.csv'} lists what was left out, and why"
          + f"; {outcome.commonest}" * bool(outcome.commonest))  # fmt: skip


class Lines:
    """A line now and then."""

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing to clean up."""

    def __call__(self, done: int, total: int, problems: int) -> None:
        """Say how far it is, about every twentieth of the way."""
        if done == total or done % -(-total // EVERY) == 0:
            print(f"[{done}/{total}] {problems} problems", flush=True)


class Bar(Lines):
    """A bar, at a terminal."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        from asgml.lab.cli.console import Output

        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[problems]} problems"), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Output())
        self._task = self._bar.add_task("clips", total=None, problems=0)

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, done: int, total: int, problems: int) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done, total=total, problems=problems)


def _progress() -> Lines:
    return Bar() if sys.stdout.isatty() else Lines()
