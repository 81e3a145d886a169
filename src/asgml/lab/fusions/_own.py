"""A fusion of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, ValidationError, model_serializer

from asgml.lab.errors import InputError
from asgml.lab.fusions._base import Fusion
from asgml.lab.imports import find_module, load_object

if TYPE_CHECKING:
    from torch import Tensor, nn

    from asgml.lab.fusions._base import Of
    from asgml.lab.fusions._module import FusionModule


class OwnFusion(Fusion):
    """One's own: `import: my_pkg.my_module:MyFusion`, a class that extends `Fusion`; every other key is a setting of it.

    The module is imported when a model is built, not when settings are read.
    """

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)
    kind: Literal["import"] = "import"
    import_: str = Field(alias="import", pattern=r"^[\w.]+:\w+$")

    @cached_property
    def part(self) -> Fusion:
        """The fusion, with its settings.

        Raises:
            InputError: the class cannot be imported, is no fusion, or does not take these settings.
        """
        made = load_object(self.import_, "model.fusion")
        if not (isinstance(made, type) and issubclass(made, Fusion)):
            raise InputError(f"`model.fusion`: {self.import_} must be a class that extends Fusion, found {made!r}")
        try:
            return made.model_validate(dict(self.__pydantic_extra__ or {}))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, ("model", "fusion", *first["loc"])))
            raise InputError(f"`{where}`: {first['msg']}, found {first['input']!r}") from error

    def check(self) -> None:
        """Raise InputError where its module is not there."""
        find_module(self.import_, "model.fusion.import")

    def modules(self, modalities: Sequence[str], feature_dim: int, classes: int) -> dict[str, nn.Module]:
        """Return what the class says, unless it refuses these modalities."""
        if refusal := self.part.refusal(modalities, feature_dim):
            raise InputError(refusal)
        return self.part.modules(modalities, feature_dim, classes)

    def logits(self, modules: FusionModule, features: Mapping[str, Tensor]) -> Tensor:
        """Return logits (B, C)."""
        return self.part.logits(modules, features)

    def scored(self, modules: FusionModule, monitor: type[Of], settings: Mapping[str, Any]) -> Of:
        """Return what the class says."""
        return self.part.scored(modules, monitor, settings)

    @model_serializer(mode="wrap")
    def _as_written(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in whole(self).items() if name != "kind"}
