"""Fusions: one file each, with its settings, its layers and what it makes of them."""

from typing import Annotated

from pydantic import SerializeAsAny, WrapValidator

from asgml.lab.fusions._base import Fusion
from asgml.lab.fusions._own import OwnFusion
from asgml.lab.parts.catalogue import Catalogue

FUSIONS = Catalogue(__name__, Fusion, "fusion", OwnFusion)
"""Kind -> its class."""

FusionChoice = Annotated[SerializeAsAny[Fusion], WrapValidator(lambda value, _: FUSIONS.read(value))]
"""A fusion as an experiment names it."""

__all__ = ["FUSIONS", "Fusion", "FusionChoice", "OwnFusion"]
