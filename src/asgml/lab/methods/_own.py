"""A method of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field

from asgml.lab.errors import InputError
from asgml.lab.imports import find_module, load_object
from asgml.lab.methods._base import Method

if TYPE_CHECKING:
    from asgml import Recipe
    from asgml.lab.methods._context import Context
    from asgml.lab.training.objectives import Objective


class OwnMethod(Method):
    """One's own recipe: `import: my_pkg.my_module:my_recipe`; every other key is its argument."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)
    kind: Literal["import"] = "import"
    import_: str = Field(alias="import", pattern=r"^[\w.]+:\w+$")

    @property
    def arguments(self) -> dict[str, Any]:
        """The keys beside `import`."""
        return dict(self.__pydantic_extra__ or {})

    @property
    def named(self) -> tuple[str, ...]:
        """None: what its arguments mean is its own affair."""
        return ()

    def recipe(self, context: Context) -> Recipe:
        """Return the function's recipe, an empty one where it returns an Objective."""
        from asgml import Recipe

        made = self._made()
        return made if isinstance(made, Recipe) else Recipe()

    def objective(self) -> Objective | None:
        """Return the function's loss, None where it returns a Recipe."""
        from asgml.lab.training.objectives import Objective

        made = self._made()
        return made if isinstance(made, Objective) else None

    def check(self, method: str) -> None:
        """Raise InputError where its module is not there."""
        find_module(self.import_, f"methods.{method}.import")

    def _made(self) -> Recipe | Objective:
        """Call the function."""
        from asgml import Recipe
        from asgml.lab.training.objectives import Objective

        made = load_object(self.import_, "methods")(**self.arguments)
        if not isinstance(made, Recipe | Objective):
            raise InputError(f"`methods`: {self.import_} must return a Recipe or an Objective, found {type(made).__name__}")
        return made

    def in_words(self) -> str:
        """Return where it is imported from, and its arguments."""
        settings = ", ".join(f"{name} = {value}" for name, value in self.arguments.items())
        return f"{self.import_} with {settings}" if settings else self.import_
