"""What every entry of a method is: a frozen pydantic model, free of torch, that builds its part when a cell trains."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from asgml.lab.parts.settings import Settings


class MethodEntry(Settings):
    """One entry. Where it is about one modality, `modality` names it."""

    cites: ClassVar[tuple[str, ...]] = ()
    """Keys of `references.bib`: the papers that the method comes from; empty for ordinary controls and this library's own."""

    @property
    def named(self) -> tuple[str, ...]:
        """The modalities that it names."""
        modality = getattr(self, "modality", None)
        return () if modality is None else (modality,)

    @property
    def steered(self) -> bool:
        """Whether it decides by samples of the `steer` split."""
        return False


class ImportedMethod(BaseModel):
    """One's own recipe: `import: my_pkg.my_module:my_recipe`; every other key is its argument."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)
    named: ClassVar[tuple[str, ...]] = ()
    steered: ClassVar[bool] = False
    kind: Literal["import"] = "import"
    import_: str = Field(alias="import", pattern=r"^[\w.]+:\w+$")

    @property
    def arguments(self) -> dict[str, Any]:
        """The keys beside `import`."""
        return dict(self.__pydantic_extra__ or {})
