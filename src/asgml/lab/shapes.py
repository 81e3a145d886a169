"""What the files of a run hold, as shapes: whoever reads one checks it here, so that no file of another kind gets further."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from asgml.lab.errors import InputError
from asgml.lab.tasks.scoring import SCORINGS

LARGEST = 1e100
"""No number that a run writes is so large; means and squares of smaller ones are still finite."""
MOST_EPOCHS = 10**9


def _task(name: str) -> str:
    if name not in SCORINGS:
        raise ValueError(f"must be one of {', '.join(SCORINGS)}")
    return name


def _folder_name(name: str) -> str:
    if name in ("", ".", "..") or set(name) & set("/\\\0"):
        raise ValueError("must be the name of a folder")
    return name


Count = Annotated[int, Field(ge=0, le=2**63)]
Epoch = Annotated[int, Field(ge=1, le=MOST_EPOCHS)]
Share = Annotated[float, Field(ge=-1e-6, le=1 + 1e-6)]
Level = Annotated[float, Field(ge=-1 - 1e-6, le=1 + 1e-6)]
Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
Names = list[str]
Named = dict[str, Any]


class Shape(BaseModel):
    """The base of all: types as JSON has them, none turned into another; what else a file holds is no matter."""

    model_config = ConfigDict(strict=True, extra="allow")


class Header(Shape):
    """The first record of `metrics.jsonl`."""

    modalities: Annotated[Names, Field(min_length=1)]
    dataset_modalities: Names = []
    classes: list[str | int | float] = []
    note: str = ""
    sizes: dict[str, Count] = {}
    commonest: dict[str, Share] = {}
    present: dict[str, dict[str, Count]] = {}
    parameters: Count = 0
    versions: dict[str, str] = {}
    task: Annotated[str, AfterValidator(_task)] = "classification"


class Result(Shape):
    """`result.json` of a cell that finished."""

    best_epoch: Epoch | None = None
    epochs: Epoch | None = None
    config: str | None = None


class Ended(Shape):
    """`result.json` of any cell."""

    status: str
    reason: str = "no reason given"


class Entry(Shape):
    """An entry of a method, as far as a report puts it into words."""

    kind: str | None = None
    modality: str | None = None
    k: Annotated[int, Field(ge=1)] | None = None
    tau: Count | None = None


class Train(Shape):
    """Settings of training that a report computes with."""

    epochs: Epoch | None = None
    unimodal_loss: Number | None = None


class Compared(Shape):
    """A comparison that was named beforehand."""

    method: str
    against: str = "baseline"
    dataset: str | None = None


class Tried(Shape):
    """What tuning tries."""

    over: Named | None = None
    space: Named | None = None


class Settings(Shape):
    """`experiment.json`."""

    name: str | None = None
    methods: dict[Annotated[str, AfterValidator(_folder_name)], list[Entry] | None] = {}
    seeds: list[Count] = []
    dataset: Named | None = None
    model: Named | None = None
    train: Train | None = None
    datasets: dict[Annotated[str, AfterValidator(_folder_name)], Named] = {}
    grid: dict[str, list[Any]] = {}
    tune: Tried | None = None
    primary: list[Compared] | None = None


class Estimate(Shape):
    """A number of a diagnosis, a share or a difference of shares, with both ends of its interval or none."""

    value: Level
    low: Level | None
    high: Level | None

    @model_validator(mode="after")
    def _both_ends(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("must have both ends of its interval, or neither")
        return self


class Verdict(Shape):
    """The verdict on a modality."""

    kind: str
    sure: Share | None
    sentence: str
    advice: str


class Diagnosed(Shape):
    """`diagnosis.json`."""

    summary: str
    modalities: dict[str, dict[str, Estimate]]
    right_together: dict[str, Share]
    verdicts: dict[str, Verdict]
    cautions: list[str] = []

    @model_validator(mode="after")
    def _of_each(self) -> Self:
        if lost := [m for m, found in self.modalities.items() if m not in self.verdicts or "probe" not in found]:
            raise ValueError(f"must hold a probe and a verdict of every modality, not so of {lost[0]!r}")
        return self


class Trial(Shape):
    """A trial of a method in `tuning.json`; its score stands under the name that the task gives it."""

    settings: Named
    diverged: list[Any]
    missing: list[Any]
    validation_accuracy: Number | None = None
    validation_map: Number | None = None
    validation_r2: Number | None = None


class Chosen(Shape):
    """A method in `tuning.json`."""

    chosen: Named | None
    edges: Names
    trials: list[Trial]


class Drawn(Shape):
    """The numbers between two ends."""

    low: Number
    high: Number
    log: bool


class Tuned(Shape):
    """`tuning.json`."""

    trials: Count
    seeds: list[Count]
    methods: dict[str, Chosen]
    over: dict[str, list[Any]] = {}
    space: dict[str, Drawn | list[Any]] = {}
    sampler: Literal["tpe", "random"] = "tpe"

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if bool(self.over) == bool(self.space):
            raise ValueError("must hold either a grid (`over`) or a `space`")
        if len({len(found.trials) for found in self.methods.values()}) != 1:
            raise ValueError("must hold methods, each with as many trials as the others")
        return self


def hold(shape: type[Shape], value: Any) -> None:
    """Check that a value has this shape.

    Raises:
        ValueError: it has not; the words say where and what was found.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"it must hold an object, found {_kind(value)}")
    try:
        shape.model_validate(value)
    except ValidationError as error:
        raise ValueError(_said(error)) from None


def experiment(value: Any, where: Path) -> dict[str, Any]:
    """Check what an `experiment.json` holds, and return it; InputError names the file and what is wrong in it."""
    try:
        hold(Settings, value)
    except ValueError as error:
        raise InputError(f"{where} is damaged: {error}; restore it, or run the experiment again") from None
    return dict(value)


def _said(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where, words = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
    found = repr(first["input"]) if isinstance(first["input"], str | int | float) else _kind(first["input"])
    return f"{where[:80]}: {words[:1].lower()}{words[1:]}, found {found[:80]}"


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "nothing"}
    return kinds.get(type(value), "a number")
