"""`asgml list`: data sets, encoders, fusions, entries of methods and built-in experiments, with settings and defaults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from rich import box
from rich.table import Table

from asgml.lab.cli.console import Output
from asgml.lab.config import Experiment
from asgml.lab.config.load import built_in, load_experiment
from asgml.lab.config.study import Range
from asgml.lab.datasets import settings
from asgml.lab.encoders import ENCODERS, OwnEncoder
from asgml.lab.fusions import FUSIONS, OwnFusion
from asgml.lab.methods import METHODS, OwnMethod

What = Literal["datasets", "encoders", "fusions", "methods", "experiments"]
Row = tuple[str, str, str]


def show(what: What | None) -> None:
    """Print one table, or all."""
    console = Output()
    for name in [what] if what else get_args(What):
        heads, rows = TABLES[name]
        table = Table(*heads, title=name, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_lines=True)
        table.columns[0].no_wrap = True
        for row in rows():
            table.add_row(*row)
        console.print(table)


def _datasets() -> Iterator[Row]:
    for name, model in settings.BUILT_IN.items():
        tuned = "\n".join(f"train.{key}: {value:g} ({model.tuned_how})" for key, value in model.tuned.items())
        yield name, _first_line(model), f"{_settings(model)}\n{tuned}"
    yield "import", _first_line(settings.ImportedDataset), "import: module:name\nand your own"


def _encoders() -> Iterator[Row]:
    for name, model in ENCODERS.items():
        yield name, f"{_first_line(model)}\nTakes {', '.join(model.takes)}.", _settings(model)
    yield "import", _first_line(OwnEncoder), "import: module:name\nand your own"


def _fusions() -> Iterator[Row]:
    for name, model in FUSIONS.items():
        yield name, f"{_first_line(model)}\nA modality's own logits: {model.unimodal}.", _settings(model)
    yield "import", _first_line(OwnFusion), "import: module:name\nand your own"


def _methods() -> Iterator[Row]:
    for name, model in METHODS.items():
        yield name, _first_line(model), _settings(model)
    yield "import", _first_line(OwnMethod), "import: module:name\nand your own"


def _experiments() -> Iterator[Row]:
    for name, text in built_in().items():
        found = load_experiment(name)
        grid = "\n".join(f"{key}: {value}" for key, value in _shape(found).items())
        yield name, text.splitlines()[0].lstrip("# "), grid


def _shape(found: Experiment) -> dict[str, str]:
    """What it runs, in a few lines."""
    data = {"datasets": ", ".join(found.datasets)} if found.datasets else {"dataset": getattr(found.dataset, "name", "import")}
    grids = {"grid": found.grid, "tune": (found.tune.over or found.tune.space) if found.tune else {}}
    varied = {
        key: "; ".join(f"{path} {_tried(values)}" for path, values in grid.items()) for key, grid in grids.items() if grid
    }
    primary = {"primary": ", ".join(one.method for one in found.primary)} if found.primary else {}
    ran = {"methods": ", ".join(found.methods), "seeds": f"{list(found.seeds)}", "epochs": f"{found.train.epochs}"}
    return data | varied | primary | ran


def _tried(values: Range | Sequence[Any]) -> str:
    return f"{values.low:g} to {values.high:g}" if isinstance(values, Range) else str(list(values))


TABLES: Mapping[str, tuple[tuple[str, str, str], Callable[[], Iterator[Row]]]] = {
    "datasets": (("name", "what it is", "settings and their defaults"), _datasets),
    "encoders": (("name", "what it is", "settings and their defaults"), _encoders),
    "fusions": (("name", "what it is", "settings and their defaults"), _fusions),
    "methods": (("entry", "what it does", "settings and their defaults"), _methods),
    "experiments": (("name", "what it asks", "what it runs"), _experiments),
}


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]


def _settings(model: type[BaseModel]) -> str:
    return "\n".join(_setting(name, field) for name, field in model.model_fields.items() if name not in ("name", "kind"))


def _setting(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return f"{name}: (must be given)"
    others = [c for c in get_args(field.annotation) if c != field.default] if get_origin(field.annotation) is Literal else []
    return f"{name}: {_yaml(field.get_default(call_default_factory=True))}" + (
        f" (or {', '.join(map(_yaml, others))})" if others else ""
    )


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True).removesuffix("\n...\n").strip()
