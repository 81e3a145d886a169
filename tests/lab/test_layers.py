"""Who may import whom: the library knows nothing of the lab, and the lab takes the library by its public names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import asgml

LIBRARY = Path(asgml.__file__).parent
LAB = LIBRARY / "lab"


def imported(file: Path) -> Iterator[str]:
    """Every module and name that a file imports, dotted."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_library_knows_nothing_of_the_lab() -> None:
    files = [f for f in LIBRARY.rglob("*.py") if LAB not in f.parents and f.name != "__main__.py"]
    assert len(files) > 40
    assert [(f.name, name) for f in files for name in imported(f) if name.startswith("asgml.lab")] == []


def test_the_lab_takes_the_library_by_its_public_names() -> None:
    found = [(f.name, name) for f in LAB.rglob("*.py") for name in imported(f) if name.startswith("asgml.")]
    private = [(f, name) for f, name in found if not name.startswith("asgml.lab") and "._" in name]
    assert len(found) > 300
    assert private == []
