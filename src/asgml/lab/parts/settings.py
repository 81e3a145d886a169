"""Base classes of settings: frozen pydantic models, free of torch, so that a wrong one is refused at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"must be a number, found {str(value).lower()}")
    return value


Share = Annotated[float, Field(ge=0, le=1), BeforeValidator(_no_truth)]


def absolute_path(path: Path) -> Path:
    """Return a path of the user's with `~` replaced and made absolute."""
    return path.expanduser().absolute()


Local = Annotated[Path, AfterValidator(absolute_path)]
"""A file or a folder of the user's."""


class Settings(BaseModel):
    """The base of every part of an experiment: frozen, and a field that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _truth_is_no_number(cls, given: Any) -> Any:
        """Refuse `epochs: true`, which pydantic alone would take for 1."""
        for name, value in given.items() if isinstance(given, dict) else ():
            field = cls.model_fields.get(name) if isinstance(value, bool) else None
            if field is not None and not _takes_truth(field.annotation):
                raise ValueError(f"{name} must be a number, found {str(value).lower()}")
        return given


def _takes_truth(annotation: Any) -> bool:
    return annotation in (bool, Any) or not {int, float, complex} & {annotation, *get_args(annotation)}


class Part(Settings):
    """The settings of one named part of a model; written, and written out, as its name alone where it has none."""

    kind: str

    @model_serializer(mode="wrap")
    def _as_written(self, whole: SerializerFunctionWrapHandler) -> Any:
        settings = {name: value for name, value in whole(self).items() if name != "kind"}
        return {self.kind: settings} if settings else self.kind
