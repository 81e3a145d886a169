"""What is wrong with an experiment, in the words of the person who wrote it: one line per problem, with the path to set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from asgml.lab.config import Experiment, Model, Train, augment, study
from asgml.lab.datasets import settings
from asgml.lab.encoders import ENCODERS
from asgml.lab.errors import did_you_mean, short
from asgml.lab.fusions import FUSIONS
from asgml.lab.methods import METHODS

FEW = 5
"""Problems that are told one by one; the rest is counted."""

LONGEST = 400
"""Characters of a line."""

Loc = tuple[int | str, ...]
MUST = {
    "int": "must be a whole number",
    "float": "must be a number",
    "bool": "must be true or false",
    "string": "must be text",
    "tuple": "must be a list",
    "dict": "must be a mapping",
    "model": "must be a mapping of settings",
    "too": "must not be empty",
    "pattern": "must be letters, digits, `_`, `-` or `.`, and start with a letter or a digit",
    "import": "must be `module:name`, such as `my_package.my_module:my_function`",
}
EXAMPLES = {
    "name": "`name: mine`",
    "methods": "`methods: {baseline: []}`",
    "dataset.root": "`root: path/to/recordings`",
    "dataset.path": "`path: path/to/manifest.csv`",
}


def lines(error: ValidationError, document: Mapping[str, Any]) -> list[str]:
    """Say every problem that pydantic found in `document`, the first few of them, one line each."""
    found = error.errors(include_url=False)
    locs = [e["loc"] for e in found]
    causes = [e for e in found if not any(len(e["loc"]) < len(x) and e["loc"] == x[: len(e["loc"])] for x in locs if e["loc"])]
    said = list(dict.fromkeys(short(_line(e, document), LONGEST, quoted=False) for e in causes))
    return said[:FEW] + ([f"and {len(said) - FEW} more"] if len(said) > FEW else [])


def _line(error: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    loc, path = error["loc"], _path(error["loc"], document)
    match error["type"]:
        case "value_error":
            words = str(error["ctx"]["error"])
            return words if words.startswith("`") else f"`{path}`: {words}"
        case "missing":
            return f"`{path}`: must be given" + (f", such as {EXAMPLES[path]}" if path in EXAMPLES else "")
        case "extra_forbidden":
            return f"`{path}`: unknown setting{did_you_mean(str(loc[-1]), _known(loc, document))}"
        case "union_tag_invalid":
            return _unknown_part(path, error)
    return f"`{path}`: {_must(error, path)}"


def _unknown_part(path: str, error: Mapping[str, Any]) -> str:
    tag = error["ctx"]["tag"]
    hint = did_you_mean(tag, [*settings.BUILT_IN, "import"])
    if not isinstance(error["input"], dict):
        return f"`{path}`: must be a mapping, such as `dataset: {{name: keypad}}`, found {short(error['input'])}"
    return f"`{path}.name`: unknown data set {short(tag)}{hint}"


def _must(error: Mapping[str, Any], path: str) -> str:
    kind, found = error["type"], f", found {short(error['input'])}"
    if kind == "literal_error":
        choice = re.findall(r"'([^']*)'", error["ctx"]["expected"])
        hint = did_you_mean(str(error["input"]), choice)
        return f"must be {error['ctx']['expected']}{found}{hint if 'did you mean' in hint else ''}"
    if kind == "too_long":
        return (
            f"must be {error['ctx']['max_length']} at most, since each takes power from the others, found {len(error['input'])}"
        )
    if kind == "string_pattern_mismatch":
        return MUST["import" if path.endswith(".import") else "pattern"] + found
    general = re.sub("^Input should be", "must be", str(error["msg"]))
    return MUST.get(kind.partition("_")[0], general) + found


def _path(loc: Loc, document: Mapping[str, Any]) -> str:
    """Name a place as the document and `--set` do: without pydantic's tags."""
    match loc:
        case ("dataset", _, *rest):
            loc = ("dataset", *rest)
        case ("datasets", name, "[key]"):
            loc = ("datasets", name)
        case ("datasets", name, _, *rest):
            loc = ("datasets", name, *rest)
        case ("tune", "space", name, str(), *rest):
            loc = ("tune", "space", name, *rest)
        case ("methods", name, "[key]"):
            loc = ("methods", name)
        case ("methods", name, int(index), *rest):
            loc = ("methods", name, *_entry_path(document["methods"][name], index, rest))
    return short(".".join(map(str, loc)), 120, quoted=False)


def _entry_path(written: Any, index: int, rest: list[int | str]) -> list[int | str]:
    entries = _listed(written)
    position: list[int | str] = [index] if len(entries) > 1 else []
    entry = entries[index]
    if not rest or not isinstance(entry, dict) or len(entry) != 1:
        return position + rest
    kind, inner = next(iter(entry.items()))
    return [*position, kind, *rest] if inner is None or isinstance(inner, dict) else position + rest


def _listed(written: Any) -> list[Any]:
    """Return the entries of a method as they were written; one alone may stand without a list."""
    return list(written) if isinstance(written, list | tuple) else [written]


def _known(loc: Loc, document: Mapping[str, Any]) -> set[str]:
    model: type[BaseModel] = Experiment
    match loc:
        case ("train", "augment", name, _):
            model = augment.MEANT[str(name)]
        case ("train", _):
            model = Train
        case ("model", _):
            model = Model
        case ("model", "encoders", modality, *_):
            return ENCODERS.settings_of(document["model"]["encoders"][modality])
        case ("model", "fusion", *_):
            return FUSIONS.settings_of(document["model"]["fusion"])
        case ("tune", _):
            model = study.Tune
        case ("tune", "space", *_):
            model = study.Range
        case ("primary", _, _):
            model = study.Comparison
        case ("dataset", name, _) | ("datasets", _, name, _):
            model = settings.BUILT_IN[str(name)]
        case ("methods", name, int(index), *_):
            return METHODS.settings_of(_listed(document["methods"][name])[index]) or METHODS.settings_of(name)
    return set(model.model_fields) - {"kind"}
