"""Catalogues: the parts of one room by name, from its files, from installed packages, and from one's own modules."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from pydantic import ValidationError
from pydantic_core import InitErrorDetails

from asgml.lab.errors import did_you_mean, short
from asgml.lab.parts.settings import Settings

P = TypeVar("P", bound=Settings)


class Catalogue(Mapping[str, type[P]], Generic[P]):
    """The parts of one room: kind -> its settings class. A part is found when its name is asked for, not before.

    A room is a package whose public files hold one part each, named as the file. An installed package adds parts by entry
    points of the group `asgml.<room>` (`mine = "its_package.module:Mine"`); a name that is built in stays built in.

    Args:
        package: the room's package, `asgml.lab.fusions`.
        base: the class of all its parts.
        noun: what a part is called in messages, "fusion".
        own: the part that stands for one's own code, `{import: module:name, ...}`; None where a room takes none.
    """

    def __init__(self, package: str, base: type[P], noun: str, own: type[P] | None = None):
        self.package, self.base, self.noun, self.own = package, base, noun, own
        self.group = f"asgml.{package.rpartition('.')[2]}"
        self._found: dict[str, type[P]] = {}

    @cached_property
    def built_in(self) -> tuple[str, ...]:
        """The names of the room's public files, in alphabetical order; none is imported."""
        paths = importlib.import_module(self.package).__path__
        return tuple(sorted(m.name for m in pkgutil.iter_modules(paths) if not m.name.startswith("_")))

    @cached_property
    def installed(self) -> dict[str, EntryPoint]:
        """The names that installed packages add; none is imported."""
        return {point.name: point for point in entry_points(group=self.group) if point.name not in self.built_in}

    def __getitem__(self, kind: str) -> type[P]:
        if kind not in self._found:
            self._found[kind] = self._find(kind)
        return self._found[kind]

    def __iter__(self) -> Iterator[str]:
        return iter([*self.built_in, *self.installed])

    def __len__(self) -> int:
        return len(self.built_in) + len(self.installed)

    def __contains__(self, kind: object) -> bool:
        return kind in self.built_in or kind in self.installed

    def _find(self, kind: str) -> type[P]:
        if kind in self.built_in:
            return self.part_of(importlib.import_module(f"{self.package}.{kind}"))
        if kind not in self.installed:
            raise KeyError(kind)
        part = self.installed[kind].load()
        if not (inspect.isclass(part) and issubclass(part, self.base)):
            raise TypeError(f"the entry point {kind!r} of {self.group} must be a {self.base.__name__}, found {part!r}")
        return part

    def part_of(self, module: Any) -> type[P]:
        """Return the one part that a module defines."""
        name = module.__name__
        defined = [c for c in vars(module).values() if inspect.isclass(c) and c.__module__ == name]
        parts = [c for c in defined if issubclass(c, self.base) and not c.__name__.startswith("_")]
        if len(parts) != 1:
            raise TypeError(f"{name} must define one {self.base.__name__}, found {[c.__name__ for c in parts]}")
        return parts[0]

    def read(self, value: Any) -> Any:
        """Return the part that `vit`, `{vit: {patch: 8}}`, `{kind: vit, patch: 8}` or `{import: module:name}` names.

        Raises ValueError, or pydantic's ValidationError with the plain path, where it names none or its settings are wrong.
        """
        if isinstance(value, self.base):
            return value
        kind, settings = self._taken_apart(value)
        if kind == "import" and self.own is not None:
            return self.own.model_validate(settings)
        if kind not in self:
            hint = did_you_mean(kind, [*self, *(["import"] if self.own else [])])
            raise ValueError(f"unknown {self.noun} {short(kind)}{hint}")
        try:
            return self[kind].model_validate(settings)
        except ValidationError as error:
            written_under_kind = isinstance(value, Mapping) and "kind" not in value
            raise (_under(kind, error) if written_under_kind else error) from None

    def _taken_apart(self, value: Any) -> tuple[str, Any]:
        if isinstance(value, str):
            return value, {}
        if isinstance(value, Mapping):
            if "kind" in value:
                return str(value["kind"]), {key: x for key, x in value.items() if key != "kind"}
            if "import" in value:
                return "import", value
            if len(value) == 1:
                kind, settings = next(iter(value.items()))
                if settings is None or isinstance(settings, Mapping):
                    return str(kind), settings or {}
        raise ValueError(f"must be one name, or one name with a mapping of its settings, found {short(value)}")

    def settings_of(self, value: Any) -> set[str]:
        """Return the names of the settings that the part has which `value` names; none where it names no part."""
        try:
            kind, _ = self._taken_apart(value)
        except ValueError:
            return set()
        return set(self[kind].model_fields) - {"kind"} if kind in self else set()


def _under(kind: str, error: ValidationError) -> ValidationError:
    """Return the same errors with `kind` before their paths, as in `{film: {conditioned: ...}}`."""
    moved: list[InitErrorDetails] = []
    for found in error.errors(include_url=False):
        details = InitErrorDetails(type=found["type"], loc=(kind, *found["loc"]), input=found["input"])
        if "ctx" in found:
            details["ctx"] = found["ctx"]
        moved.append(details)
    return ValidationError.from_exception_data(error.title, moved)
