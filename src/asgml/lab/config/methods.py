"""The entries that a method may be made of: pydantic models free of torch; each builds its part when a cell trains."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from asgml.lab.datasets.settings import Settings


class Frequency(Settings):
    """One of every k updates of a modality's encoder is skipped (rule `one_in`), or all but one (rule `every`)."""

    kind: Literal["frequency"] = "frequency"
    modality: str
    k: int = Field(ge=2)
    phase: int = 0
    rule: Literal["one_in", "every"] = "one_in"


class Staleness(Settings):
    """A modality's encoder learns from the gradient computed `tau` updates ago."""

    kind: Literal["staleness"] = "staleness"
    modality: str
    tau: int = Field(ge=0)
    warmup: Literal["hold", "fresh"] = "hold"
    damping: float = Field(default=0.0, ge=0)


class Alone(Settings):
    """The control that every method must be seen beside: a model of this modality only, trained the same way."""

    kind: Literal["alone"] = "alone"
    modality: str


class ImportedMethod(BaseModel):
    """One's own recipe: `import: my_pkg.my_module:my_recipe`; every other key is its argument."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)
    kind: Literal["import"] = "import"
    import_: str = Field(alias="import", pattern=r"^[\w.]+:\w+$")

    @property
    def arguments(self) -> dict[str, Any]:
        """The keys beside `import`."""
        return dict(self.__pydantic_extra__ or {})


BUILT_IN: dict[str, type[Settings]] = {"frequency": Frequency, "staleness": Staleness, "alone": Alone}
Entry = Frequency | Staleness | Alone | ImportedMethod
