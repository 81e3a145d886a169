"""Code that stored settings name by `import`: it runs only where its user has run it before, or allows it."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.machinery
import importlib.util
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from asgml.lab import store
from asgml.lab.errors import InputError

KEYS = ("import", "import_")


def named(settings: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every place (dotted) where settings, as JSON has them, name code, and what stands there."""
    rest: list[tuple[str, Any]] = [("", settings)]
    while rest:  # no recursion: the settings may come from anybody, and be as deep as they like
        place, value = rest.pop()
        if isinstance(value, dict):
            if any(isinstance(value.get(key), str) and ":" in value[key] for key in KEYS):
                yield place, value
            rest += [(f"{place}.{key}".lstrip("."), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            rest += [(f"{place}.{n}", inner) for n, inner in enumerate(value)]


def refuse(settings: Any, source: Path, way_out: str) -> None:
    """Raise InputError that names every import of settings out of a file; `way_out` says how to allow them."""
    if found := [f"`{place}`: {_path(value)}" for place, value in named(settings)]:
        raise InputError(f"{source} names code to import ({', '.join(sorted(found))}), which would run; {way_out}")


def check(config: Path) -> None:
    """Raise InputError where a cell's `config.json` names code that this user has not run before.

    One that cannot be read names none.
    """
    try:
        settings = store.read_json(config)
    except (OSError, ValueError, RecursionError):
        return
    if not known(settings):
        refuse(settings, config, "you have not run it from here before: give --allow-imports if you trust who made it")


def remember(settings: Any) -> None:
    """Keep, for this user alone, that what these settings import was run: the name, its arguments, and from which file."""
    for place, value in named(settings):
        path = _record(place, value)
        with contextlib.suppress(OSError):  # then it is asked for again
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()


def known(settings: Any) -> bool:
    """Whether this user has run all that these settings import before, with the same arguments, from the same file."""
    return all(_is_own(_record(place, value)) for place, value in named(settings))


def _is_own(path: Path) -> bool:
    """Whether a record is there that this user wrote: a cache may be shared."""
    try:
        owner = path.stat().st_uid
    except OSError:
        return False
    return not hasattr(os, "getuid") or owner == os.getuid()


def _record(place: str, value: Mapping[str, Any]) -> Path:
    from asgml.lab.datasets import _cache

    package = _path(value).partition(":")[0].partition(".")[0]
    what = [place.partition(".")[0], value, _origin(package)]
    return _cache.folder() / "imports" / hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def _path(value: Mapping[str, Any]) -> str:
    return next(str(value[key]) for key in KEYS if key in value)


def _origin(package: str) -> list[str]:
    """Return where a module or package would be imported from; nothing of it is run."""
    try:
        found = importlib.machinery.PathFinder.find_spec(package, [os.getcwd()]) or importlib.util.find_spec(package)
    except (ImportError, ValueError):
        found = None
    return [found.origin or "", *(found.submodule_search_locations or [])] if found else []
