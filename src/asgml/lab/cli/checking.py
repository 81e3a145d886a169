"""What `asgml data check` does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from asgml.lab import datasets, outputs
from asgml.lab.cli.console import Output
from asgml.lab.config.load import built_in, load_dataset, load_experiment
from asgml.lab.datasets.settings import BUILT_IN, ENDINGS, Manifest, StoredDataset
from asgml.lab.errors import InputError
from asgml.lab.prepared import INDEX
from asgml.lab.store import read_record, write_atomic

EXPERIMENTS = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Asked:
    """A data set to look at: what the page calls it, its settings, and what the page's file is called."""

    name: str
    settings: Any
    page: str


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known of a data set beside its samples."""

    of_store: dict[str, Any] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)


def check(what: str, sets: Sequence[str], seed: int, out: Path | None) -> None:
    """Load the data set, or those of an experiment, look at it, print what stands out, write the page."""
    asked = _of_experiment(what, sets) if _is_experiment(what) else [_alone(what, sets)]
    if out and len(asked) > 1:
        raise InputError(f"--out: names one page, found {len(asked)} data sets in {what}; leave it out")
    pages = [_page(out or Path("outputs") / f"check-{one.page}.html") for one in asked]
    for one, page in zip(asked, pages, strict=True):
        if len(asked) > 1:
            print(f"{one.name}:")
        _look(one, seed, page)


def _page(page: Path) -> Path:
    if page.suffix != ".html":
        raise InputError(f"--out: must be the name of an HTML file, found {page}")
    outputs.check_file(page)
    return page


def _look(asked: Asked, seed: int, page: Path) -> None:
    settings, beside = _beside(asked.settings)
    data = datasets.load(settings, seed)

    from asgml.lab.checking import check as checking
    from asgml.lab.checking.document import compose, sharing
    from asgml.lab.checking.warnings import warnings
    from asgml.lab.report import page as html

    checked = checking.check(asked.name, data, **beside.of_store, told=beside.told)
    _print_table(sharing(checked))
    for words in warnings(checked) or ["Nothing stands out."]:
        print(f"- {words}")
    page.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(page, html.render(compose(checked)).encode())
    print(f"wrote {page}")


def _is_experiment(what: str) -> bool:
    return Path(what).suffix.lower() in EXPERIMENTS or (what in built_in() and what not in BUILT_IN)


def _of_experiment(what: str, sets: Sequence[str]) -> list[Asked]:
    """Every data set that an experiment trains on, once; what is wrong with the experiment itself is refused."""
    from asgml.lab.cli.running import check as check_experiment
    from asgml.lab.config import points

    experiment = load_experiment(what, [f"dataset.{text}" for text in sets])
    check_experiment(experiment)
    found: list[Asked] = []
    for point in points.of(experiment):
        settings = point.experiment.dataset
        if any(one.settings == settings for one in found):
            continue
        name = point.dataset or Path(what).name
        found.append(Asked(name, settings, Path(what).stem))
    if len(found) == 1:
        return found
    return [Asked(f"{one.name}, data set {n}", one.settings, f"{one.page}-{n}") for n, one in enumerate(found, 1)]


def _alone(what: str, sets: Sequence[str]) -> Asked:
    name, sets = _named(what, sets)
    settings = load_dataset(name, sets)
    datasets.check(settings)
    manifest = name == "manifest"
    return Asked(Path(what).name if manifest else name, settings, Path(what).stem if manifest else name.replace(":", "."))


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


def _beside(settings: Any) -> tuple[Any, Beside]:
    """What a manifest or a prepared store knows beside the samples, and the settings that look at those which can be used."""
    if isinstance(settings, Manifest):
        from asgml.lab.cli import manifests

        settings, told = manifests.show(settings)
        return settings, Beside(told=told)
    if not isinstance(settings, StoredDataset):
        return settings, Beside()
    from asgml.lab.checking import lengths
    from asgml.lab.prepared.read import open_store

    opened = open_store(settings.root)
    found = {"clips": opened.clips, "problems": opened.problems(), "damaged": list(opened.damaged())}
    return settings, Beside(found, list(lengths.words(lengths.of_store(opened.clips))))


def _print_table(found: Any) -> None:
    table = Table(*found.columns, box=box.SIMPLE_HEAD)
    for column in table.columns[found.labels :]:
        column.justify = "right"
    for row in found.rows:
        table.add_row(*row)
    Output().print(table)
