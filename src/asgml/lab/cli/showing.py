"""What `asgml compare`, `export`, `cite` and `check` do."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from asgml.lab import outputs
from asgml.lab.errors import InputError, did_you_mean, short
from asgml.lab.methods import METHODS

OWN = "asgml"
"""The key of this library's own entry."""


def compare(folders: Sequence[Path], out: Path | None) -> None:
    """Print the comparison, or write its files."""
    if out is not None:
        outputs.check_folder(out)
    from asgml.lab.report import compare as comparing

    if out is None:
        print(comparing.text(folders), end="")
        return
    for path in comparing.write(folders, out):
        print(f"wrote {path}")


def export(folder: Path, form: str, out: Path | None) -> None:
    """Print the paper's table, or write it."""
    if out is not None:
        outputs.check_file(out)
    from asgml.lab import store
    from asgml.lab.report import paper, paper_formats

    table = paper.of(folder)
    for said in table.left_out:
        print(f"asgml: attention: {said}", file=sys.stderr)
    text = paper_formats.FORMATS[form](table)
    if out is None:
        print(text, end="")
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    store.write_atomic(out, text.encode())
    print(f"wrote {out}")


def cite(names: Sequence[str]) -> None:
    """Print the entries of the methods' papers, each once, after this library's own."""
    for name in names:
        if name not in METHODS:
            raise InputError(f"cite: must be entries of methods, found {name!r}{did_you_mean(name, METHODS)}")
    known = bibliography()
    keys = dict.fromkeys([OWN, *(key for name in names for key in METHODS[name].cites)])
    lone = [name for name in names if not METHODS[name].cites]
    print("\n\n".join([*(f"% {name}: no paper of its own" for name in lone), *(known[key] for key in keys if key in known)]))


def bibliography() -> dict[str, str]:
    """Key -> entry, as BibTeX."""
    text = resources.files("asgml.lab.methods").joinpath("references.bib").read_text(encoding="utf-8")
    return {found[1]: entry.strip() for entry in text.split("\n\n") if (found := re.match(r"@\w+\{([\w-]+),", entry.strip()))}


def check(path: str, arguments: Sequence[str]) -> bool:
    """Hold one's own recipe to the laws; print each, and return whether one is broken."""
    given = dict(_arguments(arguments))
    from asgml.lab.imports import find_module, load_object

    find_module(path, "check")  # before torch loads
    from asgml import Recipe, testing

    recipe = load_object(path, "check")
    try:
        made = recipe(**given)
    except Exception as error:  # one's own code fails in any way
        words = short(error, 200, quoted=False)
        raise InputError(f"check: {path} could not be called with these arguments: {type(error).__name__}: {words}") from error
    if not isinstance(made, Recipe):
        raise InputError(f"check: {path} must return a Recipe, found {type(made).__name__}")
    broken = testing.violations(made)
    for law in dict.fromkeys([*testing.LAWS, *broken]):
        print(f"{'broken' if law in broken else 'holds '}  {law}")
    return bool(broken)


def _arguments(texts: Sequence[str]) -> Iterator[tuple[str, Any]]:
    from asgml.lab.config.yaml_text import parse

    for text in texts:
        name, equals, value = text.partition("=")
        if not (name.isidentifier() and equals):
            raise InputError(f"check: arguments must be NAME=VALUE, such as modality=audio, found {short(text)}")
        yield name, parse(value, source=f"check: {name}")
