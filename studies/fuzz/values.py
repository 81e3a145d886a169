"""Values that nobody wants, and ways to spoil a document: what configs, command lines and records are made worse with."""

import copy
import random
from collections.abc import Sequence
from typing import Any

NASTY: Sequence[Any] = (
    None,
    True,
    False,
    "",
    " ",
    "x",
    "x" * 5000,
    "\0",
    "\x1b[31mred\x07",
    "\udcff",
    "é\u202e",
    "../x",
    "a/b",
    "a.b",
    "-",
    "import",
    "a:b",
    "kind",
    "__class__",
    "=1+1",
    "1e3",
    "010",
    "1:30",
    "nan",
    0,
    -1,
    1,
    2,
    3,
    2**31,
    2**63,
    10**30,
    10**400,
    0.5,
    -0.0,
    1e-320,
    1e308,
    float("inf"),
    float("nan"),
    [],
    {},
    [[]],
    [None],
    [{}],
    {"": 1},
    {"x": {}},
    {"import": "json:loads"},
    {"import": 3},
    {"kind": 3},
    {"name": []},
    {"name": {"x": 1}},
    [1, 1],
    [0, "0"],
    ["a"] * 300,
    list(range(3000)),
    {str(n): n for n in range(300)},
    {"low": 0, "high": 1},
    {"low": 0, "high": 10**400, "log": True},
    {"a": {"b": {"c": [1]}}},
)
"""Plain values."""


def _aliases(levels: int) -> str:
    """Lists of lists of one list: few characters, millions of values."""
    lists = [f"&l{n} [{', '.join([f'*l{n - 1}' if n else 'x'] * 8)}]" for n in range(levels)]
    return f"[{', '.join(lists)}]"


TOKENS: Sequence[str] = (
    "!!bool z",
    "!!binary aGk=",
    "!!binary z",
    "!!int z",
    "!!float z",
    "!!null z",
    "!!timestamp z",
    "!!timestamp 2020-99-99",
    "2020-01-01",
    "2020-99-99",
    "2020-01-01T00:00:00Z",
    "!!set {a, b}",
    "!!omap [a]",
    "!!omap [{a: 1}]",
    "!!pairs [1]",
    "!!str [1]",
    "!!seq x",
    "!!map x",
    "!!python/object/apply:os.system [id]",
    "!!python/name:os.system",
    "!mine x",
    "! x",
    "&a [*a]",
    "*nope",
    "&a {b: *a}",
    "{<<: 3}",
    "{<<: [1]}",
    "{[1]: 2}",
    "{{a: 1}: 2}",
    "{1: 2}",
    "{null: 2}",
    "{.nan: 2, .nan: 3}",
    "{a: 1, a: 2}",
    "? [1]",
    "=",
    "<<",
    "0x" + "f" * 5000,
    "9" * 20000,
    "1" * 3000 + "e5x",
    "1_000",
    "0o17",
    "017",
    "0b11",
    "190:20:30",
    ".inf",
    "-.inf",
    ".nan",
    "[" * 900,
    "[" * 300 + "]" * 300,
    "{a: " * 300 + "1" + "}" * 300,
    "'",
    '"',
    '"\\x00"',
    '"\\ud800"',
    "|\n  x",
    "@",
    "`",
    "%",
    "---",
    "...",
    "\t",
    _aliases(8),
)
"""YAML as it is written."""


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a document, its root left out."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [found for key, value in inner for found in ((*path, key), *places(value, (*path, key)))]


def at(document: Any, path: Sequence[Any]) -> Any:
    """What stands there."""
    for key in path:
        document = document[key]
    return document


def spoil(rng: random.Random, document: Any, nasty: Sequence[Any] = NASTY) -> None:
    """Change one place of a document, which is a mapping or a list, in one of six ways."""
    known = places(document)
    if not known:
        return
    path = rng.choice(known)
    holder, key = at(document, path[:-1]), path[-1]
    match rng.randrange(6):
        case 0 | 1 | 2:
            holder[key] = copy.deepcopy(rng.choice(nasty))
        case 3:
            del holder[key]
        case 4:
            holder[key] = rng.choice(
                ([holder[key]], {"x": holder[key]}, str(holder[key]), copy.deepcopy(at(document, rng.choice(known))))
            )
        case 5 if isinstance(holder, dict):
            name = str(rng.choice(("x", "", "import", "kind", "name", "a.b", *(p[-1] for p in known))))
            holder[name] = copy.deepcopy(rng.choice(nasty))
