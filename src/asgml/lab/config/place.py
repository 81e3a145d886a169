"""Where data lie is no part of what they are: settings with a digest of the data may name another place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMES = ("path", "root")
"""The settings of a data set that name a place."""


def without(dataset: Any) -> Any:
    """Return a data set's settings, as JSON has them, without the place, if they hold the data's digest."""
    if not isinstance(dataset, Mapping) or not dataset.get("content"):
        return dataset
    return {key: value for key, value in dataset.items() if key not in NAMES}


def alike(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings of two cells or experiments, to be compared: their data by digest if both have one, else by place."""
    if all((s.get("dataset") or {}).get("content") for s in (a, b)):
        return _with(a, without(a["dataset"])), _with(b, without(b["dataset"]))
    return _with(a, _by_place(a)), _with(b, _by_place(b))


def _by_place(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in (settings.get("dataset") or {}).items() if key != "content"}


def _with(settings: Mapping[str, Any], dataset: Any) -> dict[str, Any]:
    return {key: dataset if key == "dataset" else value for key, value in settings.items()}


def moved(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a cell with the place that others of the same data name; else as they are."""
    old, new = found.get("dataset"), wanted.get("dataset")
    if not isinstance(old, Mapping) or not isinstance(new, Mapping) or not old.get("content"):
        return dict(found)
    if old["content"] != new.get("content"):
        return dict(found)
    return {**found, "dataset": {**old, **{key: new[key] for key in NAMES if key in new and key in old}}}
