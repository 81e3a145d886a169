"""What makes a study of one experiment: grids of settings, tuning, and the comparisons that are named beforehand."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    model_serializer,
    model_validator,
)

from asgml.lab.errors import short
from asgml.lab.parts.settings import Settings

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
            raise ValueError(f"must be settings of {', '.join(parts)}, such as train.lr, found {short(path)}")
        if path in NO_CHOICE:
            raise ValueError(f"{path} must not vary: {NO_CHOICE[path]}")
        try:
            names = {label({path: value}) for value in values}
        except (TypeError, ValueError) as error:
            raise ValueError(f"the values of {path} must be plain ones, found {short(list(values))}") from error
        if len(names) < len(values):
            raise ValueError(f"the values of {path} must differ, also as names of folders, found {short(list(values))}")
    return grid


Values = Annotated[tuple[Any, ...], Field(min_length=1)]
Grid = Annotated[dict[str, Values], AfterValidator(lambda grid: _grid(grid, PARTS))]
Over = Annotated[dict[str, Values], AfterValidator(lambda grid: _grid(grid, TUNED))]


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"must be a whole number, found {value}")
    return value


Seeds = tuple[Annotated[int, Field(ge=0), BeforeValidator(_no_truth)], ...]


class Range(Settings):
    """The numbers from `low` to `high`, both included; whole ones where both are. `log`: equal ratios are equally likely."""

    low: int | float
    high: int | float
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @model_validator(mode="after")
    def _is_one(self) -> Range:
        if self.low >= self.high:
            raise ValueError(f"low must lie below high, found {self.low} and {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"low must lie above 0 where log is true, found {self.low}")
        return self

    def rounded(self, value: float) -> float:
        """Return the number with three digits, and within the range."""
        return int(value) if self.whole else min(max(float(f"{value:.3g}"), float(self.low)), float(self.high))

    def on_edge(self, value: float) -> bool:
        """Whether it lies in the outermost 5 % on either side."""
        low, high, x = map(math.log, (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return not 0.05 < (x - low) / (high - low) < 0.95


Choice = Annotated[
    Annotated[Range, Tag("range")] | Annotated[Values, Tag("values")],
    Discriminator(lambda value: "range" if isinstance(value, dict | Range) else "values"),
]


def _space(space: dict[str, Any]) -> dict[str, Any]:
    _grid({path: () if isinstance(values, Range) else values for path, values in space.items()}, TUNED)
    return space


class Tune(Settings):
    """The same budget for every method, baseline included; each takes what is best on validation.

    Either every point of the grid `over`, or `trials` settings of `space` that Optuna's `sampler` draws, method by method.
    """

    over: Over = Field(default_factory=dict)
    """Dotted setting of `train` or `model` -> the values to try."""
    space: Annotated[dict[str, Choice], AfterValidator(_space)] = Field(default_factory=dict)
    """Dotted setting of `train` or `model` -> the values, or {low, high, log}, to draw from."""
    sampler: Literal["tpe", "random"] = "tpe"
    trials: int = Field(default=0, ge=0, le=10_000)
    seeds: Seeds = Field(default=(100, 101), min_length=1)
    """Used for nothing else; the first is the sampler's, too."""

    @model_validator(mode="after")
    def _differ(self) -> Tune:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"`tune.seeds`: must differ from each other, found {short(list(self.seeds))}")
        return self

    @model_validator(mode="after")
    def _one_way(self) -> Tune:
        if bool(self.over) == bool(self.space):
            found = "both" if self.over else "neither"
            raise ValueError(f"`tune`: must have either `over`, a grid, or `space` with `trials`, found {found}")
        if self.over and self.model_fields_set & {"sampler", "trials"}:
            raise ValueError("`tune`: `sampler` and `trials` belong to `space`; a grid tries all of `over`")
        if self.space and not self.trials:
            raise ValueError("`tune.trials`: must be given with `tune.space`, such as 20, the number of settings that each "
                             "method tries")  # fmt: skip
        return self

    @model_serializer(mode="wrap")
    def _of_its_way(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        absent = {"space", "sampler", "trials"} if self.over else {"over"}
        return {k: v for k, v in whole(self).items() if k not in absent}

    def samples(self) -> list[dict[str, Any]]:
        """Some settings that it may try, every one of the grid or both ends of each range: to see that all are valid."""
        if self.over:
            return combinations(self.over)
        ends = {path: (v.low, v.high) if isinstance(v, Range) else v for path, v in self.space.items()}
        most = max(map(len, ends.values()))
        return [{path: values[min(n, len(values) - 1)] for path, values in ends.items()} for n in range(most)]

    def on_edge(self, chosen: Mapping[str, Any]) -> list[str]:
        """Return the settings whose chosen value is the smallest or the largest tried, or nearly so: beyond may be better."""
        return [path for path, values in (self.over or self.space).items() if _is_edge(values, chosen[path])]


def _is_edge(values: Range | Sequence[Any], chosen: Any) -> bool:
    if isinstance(values, Range):
        return values.on_edge(chosen)
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    return len(numbers) == len(values) and chosen in (min(numbers), max(numbers))


class Comparison(Settings):
    """One test that is named before anything runs: a method against another, paired by seed."""

    method: str
    against: str = "baseline"
    dataset: str | None = None
    """The data set (of `datasets`) that it is about; None: the mean over all data sets and points, seed by seed."""


def _comparison(value: Any) -> Any:
    return {"method": value} if isinstance(value, str) else value


Primary = tuple[Annotated[Comparison, BeforeValidator(_comparison)], ...]
