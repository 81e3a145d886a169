"""An encoder of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from asgml.lab import imports
from asgml.lab.encoders._base import Encoder, Sample
from asgml.lab.errors import InputError

if TYPE_CHECKING:
    from torch import nn


class OwnEncoder(Encoder):
    """One's own: `import: my_pkg.my_module:MyEncoder`; called with `shape`, `feature_dim` and the other keys."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)
    takes: ClassVar[tuple[Sample, ...]] = ("text", "vector", "sequence", "image", "frames")
    kind: Literal["import"] = "import"
    import_: str = Field(alias="import", pattern=r"^[\w.]+:\w+$")

    @property
    def arguments(self) -> dict[str, Any]:
        """The keys beside `import`."""
        return dict(self.__pydantic_extra__ or {})

    def build(self, shape: Sequence[int], feature_dim: int) -> nn.Module:
        """Call it. A class that extends `Encoder` gets the other keys as its settings.

        Raises InputError where that gives no module.
        """
        from torch import nn

        made = imports.load_object(self.import_, "model.encoders")
        if isinstance(made, type) and issubclass(made, Encoder):
            return made.model_validate(self.arguments).build(shape, feature_dim)
        module = made(shape, feature_dim, **self.arguments)
        if not isinstance(module, nn.Module):
            raise InputError(f"{self.import_} must return an nn.Module, found {type(module).__name__}")
        return module

    def check(self, modality: str) -> None:
        """Raise InputError where its module is not there."""
        imports.find_module(self.import_, f"model.encoders.{modality}.import")

    @model_serializer(mode="wrap")
    def _as_written(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in whole(self).items() if name != "kind"}
