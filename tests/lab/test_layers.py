"""Who may import whom: the library knows nothing of the lab, and the lab takes the library by its public names."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

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


def at_once(file: Path) -> Iterator[str]:
    """What a file imports when it is imported itself: not what its functions import, nor what types alone need."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_of(file: Path) -> str:
    parts = file.relative_to(LIBRARY.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_no_module_imports_itself_by_way_of_others() -> None:
    files = {module_of(file): file for file in LIBRARY.rglob("*.py")}
    known = {name: [m for wanted in at_once(f) if (m := _module(wanted, files))] for name, f in files.items()}
    assert sum(map(len, known.values())) > 800
    graph = {name: {m for m in found if not name.startswith(m)} for name, found in known.items()}  # a package loads its files
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def _module(wanted: str, files: Mapping[str, Path]) -> str | None:
    """Return the file that a dotted name stands for: a module, or the module that has the name."""
    return next((name for name in (wanted, wanted.rpartition(".")[0]) if name in files), None)


ROOMS = ("encoders", "fusions", "methods")
GROUND = ("asgml.lab.errors", "asgml.lab.imports", "asgml.lab.parts")


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_of_parts_stands_on_the_ground_floor(room: str) -> None:
    """Public files and bases alone: private files beside them hold what needs torch."""
    files = [f for f in (LAB / room).glob("*.py") if not f.name.startswith("_") or f.stem in ("__init__", "_base", "_own")]
    allowed = (*GROUND, f"asgml.lab.{room}")
    found = [(f.name, name) for f in files for name in at_once(f) if name.startswith(("asgml", "torch", "numpy"))]
    assert len(files) > 6
    assert [(file, name) for file, name in found if not name.startswith(allowed)] == []
