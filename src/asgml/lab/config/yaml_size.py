"""How large an experiment's YAML may be: a few lines can unfold to more values than any machine holds."""

from __future__ import annotations

import yaml
from yaml.composer import ComposerError

LONGEST = 250_000
"""Characters: about 5,000 lines."""
DEEPEST = 50
"""Lists and mappings within each other."""
MOST = 100_000
"""Values, each counted as often as an alias (`*name`) repeats it."""
TOO_DEEP = f"lists and mappings must lie {DEEPEST} deep at most"


def check(root: yaml.Node) -> None:
    """Raise YAMLError where the document holds itself, is too deep, or has too many values once aliases are unfolded."""
    _measure(root, {})


def _measure(node: yaml.Node, known: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """Return values and depth of a node; each is looked at once, however often it is repeated."""
    if id(node) in known:
        if (found := known[id(node)]) is None:
            raise yaml.YAMLError("maximum recursion depth exceeded: a list or mapping must not hold itself")
        return found
    known[id(node)] = None
    inner = [_measure(part, known) for part in _parts(node)]
    values, depth = 1 + sum(n for n, _ in inner), 1 + max((d for _, d in inner), default=0)
    if values > MOST:
        raise ComposerError(None, None, f"its aliases unfold to more than {MOST:,} values", node.start_mark)
    if depth > DEEPEST:
        raise ComposerError(None, None, TOO_DEEP, node.start_mark)
    known[id(node)] = values, depth
    return values, depth


def _parts(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []
