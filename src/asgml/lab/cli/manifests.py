"""What `asgml data check` says of a manifest before anything else: its columns, its labels, and every row that is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich import box
from rich.table import Table

from asgml.lab.checking.manifest import words
from asgml.lab.cli.console import Output
from asgml.lab.datasets.manifest.columns import Column
from asgml.lab.datasets.manifest.preparing import Examined, examine
from asgml.lab.datasets.settings import Manifest
from asgml.lab.errors import InputError


def show(settings: Manifest) -> tuple[Manifest, list[str]]:
    """Print what the manifest holds; return the settings that look at the rows which can be used, and what stands out.

    Raises InputError where there are none.
    """
    found = examine(settings)
    table = Table("column", "what it holds", "rows", "shapes", box=box.SIMPLE_HEAD)
    table.columns[2].justify = "right"
    for column in found.columns:
        table.add_row(column.name, column.kind, str(len(column.arrays)), _shapes(column))
    table.add_row("label", _labels(found), str(len(found.labelled.labels)), "")
    Output().print(table)
    for line in (*found.table.notes, *found.labelled.notes, *problems(found)):
        print(line)
    if not found.good:
        raise InputError(f"`dataset.path`: {settings.path} has no row that can be used")
    return settings.model_copy(update={"bad_rows": "leave_out"}), words(found, settings.path.parent)


def problems(found: Examined) -> Iterator[str]:
    """Every problem by line and column, and how many rows they are; and what was cut."""
    yield from map(str, found.problems)
    rows = len({p.line for p in found.problems})
    yield f"{rows} rows cannot be used, {len(found.good)} can" if rows else f"all {len(found.good)} rows can be used"
    if found.cut:
        yield f"{found.cut} texts are longer than dataset.text_length and are cut"
    yield from found.notes
    if "group" not in found.table.columns:
        yield "there is no column `group`: each row counts by itself, so that those of one person or recording may be parted"


def _shapes(column: Column) -> str:
    counted = Counter(str(x.shape) for x in column.arrays.values())
    more = f" and {len(counted) - 1} others" * (len(counted) > 1)
    return f"{counted.most_common(1)[0][0]}{more}" if counted else "none"


def _labels(found: Examined) -> str:
    classes = found.labelled.classes
    return f"{found.labelled.task}{f', {len(classes)} of them' if classes else ''}"
