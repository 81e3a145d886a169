"""The names of version 0.1 lead to those of today, with a warning."""

import importlib
import sys

import pytest

import asgml
from asgml import monitors


def test_the_former_package_warns_and_has_every_name():
    sys.modules.pop("asgml.diagnostics", None)
    with pytest.warns(DeprecationWarning, match=r"asgml\.diagnostics is called asgml\.monitors now"):
        former = importlib.import_module("asgml.diagnostics")
    assert all(getattr(former, name) is getattr(monitors, name) for name in monitors.__all__)
    assert former.Diagnostic is monitors.Monitor


def test_the_former_class_warns():
    with pytest.warns(DeprecationWarning, match=r"asgml\.Diagnostic is called asgml\.Monitor now"):
        assert asgml.Diagnostic is asgml.Monitor
