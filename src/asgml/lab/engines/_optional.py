"""Packages of a cluster: not needed before somebody asks for them."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from asgml.lab.errors import InputError


@dataclass(frozen=True)
class Package:
    """An installed package, and the engine that needs it."""

    module: Any
    engine: str

    @contextlib.contextmanager
    def connecting(self, address: str | None) -> Iterator[Any]:
        """Give the module; an error within means that the address leads nowhere."""
        try:
            yield self.module
        except Exception as error:
            line = (str(error).strip() or "no words").splitlines()[0]
            raise InputError(f"--address: no {self.engine} cluster answers at {address or 'this machine'}: {line}") from error


def package(name: str, extra: str | None = None) -> Package:
    """Import it, or say with which extra it comes."""
    extra = extra or name
    try:
        return Package(importlib.import_module(name), extra)
    except Exception as error:
        raise InputError(
            f"--engine {extra}: needs the package {name}, which fails to import ({type(error).__name__}: {error}); "
            f"pip install 'asgml[{extra}]'"
        ) from error
