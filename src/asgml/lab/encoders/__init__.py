"""Encoders: one file each, with its settings, its modules and the feature that it makes with them."""

from typing import Annotated

from pydantic import SerializeAsAny, WrapValidator

from asgml.lab.encoders._base import Encoder, Sample
from asgml.lab.encoders._own import OwnEncoder
from asgml.lab.parts.catalogue import Catalogue

ENCODERS = Catalogue(__name__, Encoder, "encoder", OwnEncoder)
"""Kind -> its class."""

EncoderChoice = Annotated[SerializeAsAny[Encoder], WrapValidator(lambda value, _: ENCODERS.read(value))]
"""An encoder as an experiment names it."""

__all__ = ["ENCODERS", "Encoder", "EncoderChoice", "OwnEncoder", "Sample"]
