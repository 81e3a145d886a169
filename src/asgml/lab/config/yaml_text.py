"""Reads YAML as people mean it: `1e-3` is a number, a key is its text, and a key given twice is an error."""

from __future__ import annotations

import math
import re
from typing import Any

import yaml
from yaml.composer import ComposerError

from asgml.lab.errors import InputError

MERGE, TEXT = "tag:yaml.org,2002:merge", "tag:yaml.org,2002:str"
SCIENTIFIC = re.compile(r"[-+]?([0-9][0-9_]*\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$")
"""What PyYAML alone takes for text: an exponent without a dot before it or without a sign in it."""


class _Loader(yaml.SafeLoader):
    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Refuse a key that is there twice, since the first would be lost without a word; take keys as they are written."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise ComposerError(None, None, f"the key {key.value!r} is there twice", key.start_mark)
                seen.add(key.value)
                key.tag = MERGE if key.tag == MERGE else TEXT
        return node


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", SCIENTIFIC, list("-+.0123456789"))


def parse(text: str, *, source: str) -> Any:
    """Read one YAML document into plain values, of which no two share a part.

    Raises:
        InputError: the text is no YAML; the message names `source` and the line.
    """
    try:
        return _unshared(yaml.load(text, _Loader))
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{source}{line}: is not valid YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{source}: is not valid YAML: {' '.join(str(error).split())}") from error


def _unshared(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _unshared(inner) for key, inner in value.items()}
    return [_unshared(inner) for inner in value] if isinstance(value, list) else value


def not_finite(value: Any, path: str = "") -> tuple[str, float] | None:
    """Find the first number in a document that is infinite or not a number, with the path to it."""
    if isinstance(value, float):
        return None if math.isfinite(value) else (path, value)
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return next(filter(None, (not_finite(v, f"{path}.{key}".lstrip(".")) for key, v in inner)), None)
