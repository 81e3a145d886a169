"""What earlier versions meant where their settings do not say: a default that changed must not change what a folder holds."""

from __future__ import annotations

from typing import Any

MEANT: dict[str, dict[str, Any]] = {"manifest": {"arrays": "as_they_are"}}
"""Data set -> setting -> what stood there in effect before the setting was made."""


def filled(found: Any) -> Any:
    """Return the settings of a cell or an experiment, as some version wrote them to a folder, with what was meant then."""
    if not isinstance(found, dict):
        return found
    made = dict(found)
    if isinstance(found.get("dataset"), dict):
        made["dataset"] = _dataset(found["dataset"])
    if isinstance(found.get("datasets"), dict):
        made["datasets"] = {name: _dataset(one) for name, one in found["datasets"].items()}
    return made


def _dataset(found: Any) -> Any:
    if not isinstance(found, dict) or not isinstance(found.get("name"), str):
        return found
    return MEANT.get(found["name"], {}) | found
