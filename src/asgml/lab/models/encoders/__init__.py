"""Encoders: one sample's array in, one feature vector out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import nn

from asgml.lab.config import ImportedEncoder, Model
from asgml.lab.config.encoders import BUILT_IN as SETTINGS
from asgml.lab.config.encoders import EncoderSettings, Sample
from asgml.lab.errors import InputError
from asgml.lab.imports import load_object
from asgml.lab.models.encoders.ast import Ast
from asgml.lab.models.encoders.bag_of_words import BagOfWords
from asgml.lab.models.encoders.bert import Bert
from asgml.lab.models.encoders.char_cnn import CharCnn
from asgml.lab.models.encoders.cnn import Cnn
from asgml.lab.models.encoders.efficientnet import EfficientNet
from asgml.lab.models.encoders.frames import Frames
from asgml.lab.models.encoders.mlp import Mlp
from asgml.lab.models.encoders.resnet18 import ResNet18
from asgml.lab.models.encoders.transformer import Transformer
from asgml.lab.models.encoders.vit import ViT

BUILT_IN: Mapping[str, Callable[..., nn.Module]] = {
    "cnn": Cnn, "resnet18": ResNet18, "vit": ViT, "efficientnet": EfficientNet, "ast": Ast, "char_cnn": CharCnn,
    "bag_of_words": BagOfWords, "bert": Bert, "mlp": Mlp, "transformer": Transformer,
}  # fmt: skip
"""Each is called with `shape`, `feature_dim` and its settings, as one's own are. A ValueError says what does not fit."""
BY_DIMENSIONS: Mapping[int, Sample] = {1: "vector", 2: "sequence", 3: "image", 4: "frames"}
USUAL: Mapping[str, str] = {"text": "char_cnn", "vector": "mlp", "sequence": "mlp", "image": "cnn", "frames": "cnn"}
"""Kind of sample -> the encoder where the experiment names none."""


def build_encoder(modality: str, model: Model, shape: Sequence[int], is_text: bool) -> nn.Module:
    """Return the encoder that the experiment names for this modality, or the one that fits its input."""
    sample = "text" if is_text else BY_DIMENSIONS.get(len(shape), "image")
    chosen = model.encoders.get(modality) or SETTINGS[USUAL[sample]].model_validate({})
    if isinstance(chosen, ImportedEncoder):
        return _imported(modality, chosen, shape, model.feature_dim)
    return _built_in(modality, chosen, shape, sample, model.feature_dim)


def _built_in(modality: str, chosen: EncoderSettings, shape: Sequence[int], sample: Sample, feature_dim: int) -> nn.Module:
    unfit = f"`model.encoders.{modality}`: {chosen.kind!r} does not fit samples of shape {tuple(shape)}"
    if sample not in chosen.takes or len(shape) > 4:
        raise InputError(f"{unfit}, which are {sample}; it takes {' or '.join(chosen.takes)}")
    each = shape[1:] if sample == "frames" else shape
    try:
        encoder = BUILT_IN[chosen.kind](each, feature_dim, **chosen.arguments)
    except ValueError as error:
        raise InputError(f"{unfit}: {error}") from error
    except InputError as error:
        raise InputError(f"`model.encoders.{modality}.{chosen.kind}`: {error}") from error
    return Frames(encoder) if sample == "frames" else encoder


def _imported(modality: str, chosen: ImportedEncoder, shape: Sequence[int], feature_dim: int) -> nn.Module:
    made = load_object(chosen.import_, f"model.encoders.{modality}")(shape, feature_dim, **chosen.arguments)
    if not isinstance(made, nn.Module):
        raise InputError(f"`model.encoders.{modality}`: {chosen.import_} must return an nn.Module, found {type(made).__name__}")
    return made
