"""Reads YAML as people mean it: `1e-3` is a number, a key is its text, and a key given twice is an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError

from asgml.lab.config import yaml_size
from asgml.lab.errors import InputError, short

PREFIX = "tag:yaml.org,2002:"
MERGE, TEXT = f"{PREFIX}merge", f"{PREFIX}str"
PLAIN = {MERGE, TEXT, *(f"{PREFIX}{kind}" for kind in ("null", "bool", "int", "float", "seq", "map"))}
"""What an experiment is made of."""
OTHER = {f"{PREFIX}{kind}" for kind in ("binary", "timestamp", "set", "omap", "pairs")}
"""What PyYAML knows beside: none of it has a place in a record of JSON."""
SCIENTIFIC = re.compile(r"[-+]?([0-9][0-9_]*(\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$")
"""What PyYAML alone takes for text: an exponent without a dot before it or without a sign in it."""
INTEGER = re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)$")
"""No `010` (eight, to PyYAML) and no `1:30` (ninety): whoever reads them on paper reads something else."""
FLOAT = re.compile(
    r"[-+]?([0-9][0-9_]*\.[0-9_]*([eE][-+][0-9]+)?|\.[0-9][0-9_]*([eE][-+][0-9]+)?|\.(inf|Inf|INF))$|\.(nan|NaN|NAN)$"
)
DIGITS = 400
"""Of a number: no 64 bits need as many."""


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: Any, index: Any) -> yaml.Node | None:
        """Refuse what is nested too deeply before the parser's own stack ends."""
        self.depth = getattr(self, "depth", 0) + 1
        if self.depth > yaml_size.DEEPEST:
            raise ComposerError(None, None, yaml_size.TOO_DEEP, self.get_mark())
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        if node is not None and node.tag in OTHER:
            words = f"{node.tag.replace(PREFIX, '!!')} is no value of a setting; write a number, a word, a list or a mapping"
            raise ComposerError(None, None, words, node.start_mark)
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Refuse a key that is there twice, since the first would be lost without a word; take keys as they are written."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise ComposerError(None, None, f"the key {short(key.value)} is there twice", key.start_mark)
                seen.add(key.value)
                key.tag = MERGE if key.tag == MERGE else TEXT
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Give the value, or say which word is none of the kind that its tag says."""
        if node.tag == TEXT and isinstance(node, yaml.ScalarNode) and not _is_text(node.value):
            words = f"{short(node.value)} holds a character that no text may hold (NUL, or half of one)"
            raise ConstructorError(None, None, words, node.start_mark)
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith((":int", ":float")) and len(node.value) > DIGITS:
            raise ConstructorError(None, None, f"a number of {len(node.value)} digits is too long", node.start_mark)
        try:
            return super().construct_object(node, deep)
        except (KeyError, ValueError, AttributeError, TypeError, IndexError) as error:
            words = f"{short(node.value)} must be of the kind {short(node.tag.removeprefix(PREFIX))}, which its tag says"
            raise ConstructorError(None, None, words, node.start_mark) from error


def _is_text(value: str) -> bool:
    return "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)


def _resolvers() -> Mapping[str, list[tuple[str, re.Pattern[str]]]]:
    """PyYAML's rules for words without a tag, but for dates, `=`, octal and sexagesimal numbers, which stay words."""
    ours = {f"{PREFIX}int": INTEGER, f"{PREFIX}float": FLOAT}
    before: Mapping[str, list[tuple[str, re.Pattern[str]]]] = yaml.SafeLoader.yaml_implicit_resolvers
    return {first: [(tag, ours.get(tag, rule)) for tag, rule in rules if tag in PLAIN] for first, rules in before.items()}


_Loader.yaml_implicit_resolvers = dict(_resolvers())
_Loader.add_implicit_resolver(f"{PREFIX}float", SCIENTIFIC, list("-+.0123456789"))


def parse(text: str, *, source: str) -> Any:
    """Read one YAML document into plain values, of which no two share a part.

    Raises:
        InputError: the text is no YAML, or is longer, deeper or unfolds to more values than an experiment may have; the
            message names `source` and the line.
    """
    source = short(source, 200, quoted=False)
    if len(text) > yaml_size.LONGEST:
        raise InputError(f"{source}: must have {yaml_size.LONGEST:,} characters at most, found {len(text):,}")
    try:
        return _unshared(_load(text))
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        problem = short(error.problem, 200, quoted=False)
        raise InputError(f"{source}{line}: is not valid YAML: {problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{source}: is not valid YAML: {short(' '.join(str(error).split()), 200, quoted=False)}") from error


def _load(text: str) -> Any:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        yaml_size.check(node)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _unshared(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _unshared(inner) for key, inner in value.items()}
    return [_unshared(inner) for inner in value] if isinstance(value, list) else value
