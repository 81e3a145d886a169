"""A cell's address: a hash of everything that its numbers depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from asgml.lab.config import place

KEPT = ("loggers", "keep")
"""What a cell leaves behind: no number depends on it, and it may change between two runs in one folder."""


def plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a cell's config, as `config.json` holds it, without `KEPT`."""
    return {key: value for key, value in config.items() if key not in KEPT}


def identity(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the address is made of: `plain`, and data by their digest, if it is known, and not by their place."""
    return {key: place.without(value) if key == "dataset" else value for key, value in plain(config).items()}


def of(config: Mapping[str, Any]) -> str:
    """Return the address of this config, 16 hexadecimal digits; no order of keys changes it."""
    text = json.dumps(identity(config), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
