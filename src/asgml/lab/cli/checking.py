"""What `asgml data check` does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from asgml.lab import datasets, outputs
from asgml.lab.cli.console import Output
from asgml.lab.config.load import load_dataset
from asgml.lab.datasets.settings import ENDINGS, Manifest, StoredDataset
from asgml.lab.errors import InputError
from asgml.lab.prepared import INDEX
from asgml.lab.store import read_record, write_atomic


def check(what: str, sets: Sequence[str], seed: int, out: Path | None) -> None:
    """Load the data set, look at it, print what stands out, write the page."""
    name, sets = _named(what, sets)
    settings = load_dataset(name, sets)
    datasets.check(settings)
    page = out or Path("outputs") / f"check-{Path(what).stem if name == 'manifest' else name.replace(':', '.')}.html"
    if page.suffix != ".html":
        raise InputError(f"--out: must be the name of an HTML file, found {page}")
    outputs.check_file(page)
    if isinstance(settings, Manifest):
        from asgml.lab.cli import manifests

        settings = manifests.show(settings)
    data = datasets.load(settings, seed)

    from asgml.lab.checking import check as checking
    from asgml.lab.checking.document import compose, sharing
    from asgml.lab.checking.warnings import warnings
    from asgml.lab.report import page as html

    checked = checking.check(Path(what).name if name == "manifest" else name, data, **_of_store(settings))
    _print_table(sharing(checked))
    for words in warnings(checked) or ["Nothing stands out."]:
        print(f"- {words}")
    page.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(page, html.render(compose(checked)).encode())
    print(f"wrote {page}")


def _named(what: str, sets: Sequence[str]) -> tuple[str, list[str]]:
    """A data set's name, the folder of a store, or a manifest's file."""
    if (Path(what) / INDEX).is_file():
        return _kind(Path(what)), [f"root={what}", *sets]
    if Path(what).suffix.lower() in ENDINGS:
        return "manifest", [f"path={json.dumps(what)}", *sets]
    return what, list(sets)


def _kind(folder: Path) -> str:
    """Return the name of the data set that a store holds."""
    index = read_record(folder / INDEX)
    return str(index.get("name")) if isinstance(index, dict) else folder.name


def _of_store(settings: Any) -> dict[str, Any]:
    """What a prepared store knows beside the samples."""
    if not isinstance(settings, StoredDataset):
        return {}
    from asgml.lab.prepared.read import open_store

    opened = open_store(settings.root)
    return {"clips": opened.clips, "problems": opened.problems(), "damaged": list(opened.damaged())}


def _print_table(found: Any) -> None:
    table = Table(*found.columns, box=box.SIMPLE_HEAD)
    for column in table.columns[found.labels :]:
        column.justify = "right"
    for row in found.rows:
        table.add_row(*row)
    Output().print(table)
