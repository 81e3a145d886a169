"""Entries of methods as a run's files hold them, made methods again, so that a report asks each for its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asgml.lab.methods import METHODS, Method


def read(entry: Mapping[str, Any]) -> Method | None:
    """Return the method; None where no method of that name is installed, or another version of it wrote the entry."""
    try:
        found = METHODS.read(dict(entry))
    except ValueError:
        return None
    return found if isinstance(found, Method) else None


def unimodal(entry: Mapping[str, Any]) -> bool:
    """Tell whether an entry trains a model of one modality alone."""
    method = read(entry)
    return method is not None and method.unimodal
