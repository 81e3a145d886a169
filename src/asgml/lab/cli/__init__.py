"""The command line `asgml`. Importing it is cheap: no torch, no scikit-learn, no matplotlib."""

from asgml.lab.cli.app import main

__all__ = ["main"]
