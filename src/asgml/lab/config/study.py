"""What makes a study of one experiment: grids of settings, tuning, and the comparisons that are named beforehand."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from asgml.lab.datasets.settings import Settings

MOST = 4
"""Primary comparisons: with more of them, Holm's correction leaves few seeds nothing to show."""
PARTS, TUNED = ("dataset", "model", "train", "methods"), ("model", "train")
"""What a grid may vary, and what tuning may."""
NO_CHOICE = {"dataset.name": "give several data sets with `datasets`", "train.look": "it changes no number",
             "train.threads": "it is no part of the method", "train.device": "it is no part of the method"}  # fmt: skip


def label(settings: Mapping[str, Any]) -> str:
    """Name one point of a grid as its folder is named: `train.lr=0.1,dataset.snr_db=-3`."""
    return ",".join(f"{path}={_word(value)}" for path, value in settings.items())


def _word(value: Any) -> str:
    return re.sub(r"[^A-Za-z0-9_.+-]+", "~", value if isinstance(value, str) else json.dumps(value)).strip("~")


def combinations(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Every point of a grid, the last setting changing fastest; an empty grid has one point, without settings."""
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def _grid(grid: dict[str, tuple[Any, ...]], parts: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    for path, values in grid.items():
        if path.partition(".")[0] not in parts or not path.partition(".")[2]:
            raise ValueError(f"must be settings of {', '.join(parts)}, such as train.lr, found {path!r}")
        if path in NO_CHOICE:
            raise ValueError(f"{path} must not vary: {NO_CHOICE[path]}")
        if len({label({path: value}) for value in values}) < len(values):
            raise ValueError(f"the values of {path} must differ, also as names of folders, found {list(values)}")
    return grid


Values = Annotated[tuple[Any, ...], Field(min_length=1)]
Grid = Annotated[dict[str, Values], AfterValidator(lambda grid: _grid(grid, PARTS))]
Over = Annotated[dict[str, Values], Field(min_length=1), AfterValidator(lambda grid: _grid(grid, TUNED))]
Seeds = tuple[Annotated[int, Field(ge=0)], ...]


class Tune(Settings):
    """The same grid for every method, baseline included; each takes the point that is best on validation."""

    over: Over
    """Dotted setting of `train` or `model` -> the values to try."""
    seeds: Seeds = Field(default=(100, 101), min_length=1)
    """Used for nothing else."""

    @model_validator(mode="after")
    def _differ(self) -> Tune:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"`tune.seeds`: must differ from each other, found {list(self.seeds)}")
        return self


class Comparison(Settings):
    """One test that is named before anything runs: a method against another, paired by seed."""

    method: str
    against: str = "baseline"
    dataset: str | None = None
    """The data set (of `datasets`) that it is about; None: the mean over all data sets and points, seed by seed."""


def _comparison(value: Any) -> Any:
    return {"method": value} if isinstance(value, str) else value


Primary = tuple[Annotated[Comparison, BeforeValidator(_comparison)], ...]
