"""The one schema of an experiment, and the way from YAML and `--set` to it. Nothing here imports torch."""

from asgml.lab.config.schema import Cell, Experiment, Model, Train

__all__ = ["Cell", "Experiment", "Model", "Train"]
