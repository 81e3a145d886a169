"""One's own code by name: `pkg.module:name`, as the settings `dataset.import`, `methods` and `model.encoders` take it."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import Any

from asgml.lab.errors import InputError, did_you_mean


def load_object(path: str, setting: str) -> Any:
    """Import `pkg.module` and return its `name`, for `path` = "pkg.module:name".

    `setting` is where the user wrote it; messages start with it. The current folder is importable. Raises InputError where
    the path has another form, the module is not there or fails to import, or has no such name.
    """
    module_name, name = _parts(path, setting)
    find_module(path, setting)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise InputError(f"`{setting}`: importing the module {module_name!r} failed with {_words(error)}") from error
    try:
        return getattr(module, name)
    except AttributeError as error:
        hint = did_you_mean(name, [n for n in dir(module) if not n.startswith("_")])
        raise InputError(f"`{setting}`: the module {module_name!r} has no {name!r}{hint}") from error


def find_module(path: str, setting: str) -> None:
    """Raise InputError where `pkg.module` of "pkg.module:name" is not to be found; only its parents are imported."""
    module_name, _ = _parts(path, setting)
    _add_current_folder()
    try:
        found = importlib.util.find_spec(module_name)
    except ModuleNotFoundError as error:
        if not f"{module_name}.".startswith(f"{error.name}."):
            raise InputError(f"`{setting}`: importing {module_name!r} failed with {_words(error)}") from error
        found = None
    except Exception as error:
        raise InputError(f"`{setting}`: importing the parents of {module_name!r} failed with {_words(error)}") from error
    if found is None:
        raise InputError(
            f"`{setting}`: there is no module {module_name!r} (found in {path!r}); install it, or run asgml in the folder "
            "that holds it"
        )


def _parts(path: str, setting: str) -> tuple[str, str]:
    module_name, colon, name = path.partition(":")
    if not (colon and name.isidentifier() and all(part.isidentifier() for part in module_name.split("."))):
        raise InputError(f"`{setting}`: must have the form 'package.module:name', found {path!r}")
    return module_name, name


def _add_current_folder() -> None:
    if not {"", os.getcwd()} & set(sys.path):
        sys.path.insert(0, os.getcwd())
    importlib.invalidate_caches()


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
