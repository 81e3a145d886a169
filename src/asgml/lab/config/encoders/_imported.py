"""An encoder of one's own."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field, SerializerFunctionWrapHandler, model_serializer


class ImportedEncoder(BaseModel):
    """One's own: `import: my_pkg.my_module:MyEncoder`; called with `shape`, `feature_dim` and the other keys."""

    model_config = {"frozen": True, "extra": "allow", "populate_by_name": True}
    kind: Literal["import"] = "import"
    import_: str = Field(alias="import", pattern=r"^[\w.]+:\w+$")

    @property
    def arguments(self) -> dict[str, Any]:
        """The keys beside `import`."""
        return dict(self.__pydantic_extra__ or {})

    @model_serializer(mode="wrap")
    def _as_written(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in whole(self).items() if name != "kind"}
