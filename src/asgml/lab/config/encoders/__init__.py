"""The encoders that a modality may have: a new kind is one class here and its module in `lab.models.encoders`."""

from typing import Annotated

from pydantic import Field

from asgml.lab.config.encoders._base import EncoderSettings, Sample
from asgml.lab.config.encoders._images import Ast, Cnn, EfficientNet, ResNet18, ViT
from asgml.lab.config.encoders._imported import ImportedEncoder
from asgml.lab.config.encoders._sequences import Mlp, Transformer
from asgml.lab.config.encoders._text import BagOfWords, Bert, CharCnn
from asgml.lab.config.named import AsWritten

Kinds = Cnn | ResNet18 | ViT | EfficientNet | Ast | CharCnn | BagOfWords | Bert | Mlp | Transformer
BUILT_IN: dict[str, type[EncoderSettings]] = {model.model_fields["kind"].default: model for model in Kinds.__args__}
"""Kind -> its model, in the order in which `asgml list encoders` shows them."""

Encoder = Annotated[Annotated[Kinds | ImportedEncoder, Field(discriminator="kind")], AsWritten]

__all__ = ["BUILT_IN", "Encoder", "EncoderSettings", "ImportedEncoder", "Sample"]
