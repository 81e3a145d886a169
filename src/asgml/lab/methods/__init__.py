"""Methods: one file each, with its settings, what it does in a run, and its words for reports."""

from typing import Annotated

from pydantic import SerializeAsAny, WrapValidator

from asgml.lab.methods._base import Method
from asgml.lab.methods._own import OwnMethod
from asgml.lab.parts.catalogue import Catalogue

METHODS = Catalogue(__name__, Method, "entry", OwnMethod)
"""Kind -> its class."""

Entry = Annotated[SerializeAsAny[Method], WrapValidator(lambda value, _: METHODS.read(value))]
"""One entry of a method as an experiment names it."""

__all__ = ["METHODS", "Entry", "Method", "OwnMethod"]
