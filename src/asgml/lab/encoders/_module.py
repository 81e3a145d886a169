"""The module that runs an encoder, and the way from a model's settings to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import ValidationError
from torch import Tensor, nn

from asgml.lab.encoders import ENCODERS
from asgml.lab.encoders._base import Encoder, Sample
from asgml.lab.encoders._layers import Frames
from asgml.lab.errors import InputError
from asgml.lab.parts.module import PartModule

BY_DIMENSIONS: Mapping[int, Sample] = {1: "vector", 2: "sequence", 3: "image", 4: "frames"}
USUAL: Mapping[str, str] = {"text": "char_cnn", "vector": "mlp", "sequence": "mlp", "image": "cnn", "frames": "cnn"}
"""Kind of sample -> the encoder where the experiment names none."""


class EncoderModule(PartModule):
    """Inputs (B, ...) -> features (B, D). Its parameters are named as the encoder's modules are: `conv1.weight`."""

    def __init__(self, encoder: Encoder, shape: Sequence[int], feature_dim: int):
        super().__init__(encoder.modules(shape, feature_dim))
        self.settings = encoder

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, D)."""
        return self.settings.feature(self, x)


def build_encoder(modality: str, chosen: Encoder | None, shape: Sequence[int], feature_dim: int, *, is_text: bool) -> nn.Module:
    """Return the module of the encoder that an experiment names for a modality; None: the usual one for its samples.

    Raises:
        InputError: the encoder does not take such samples.
    """
    sample = "text" if is_text else BY_DIMENSIONS.get(len(shape), "image")
    encoder = chosen or ENCODERS[USUAL[sample]].model_validate({})
    unfit = f"`model.encoders.{modality}`: {encoder.kind!r} does not fit samples of shape {tuple(shape)}"
    own = encoder.kind == "import"
    if not own and (sample not in encoder.takes or len(shape) > 4):
        raise InputError(f"{unfit}, which are {sample}; it takes {' or '.join(encoder.takes)}")
    frames = sample == "frames" and not own
    try:
        module = encoder.build(shape[1:] if frames else shape, feature_dim)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, ("model.encoders", modality, *first["loc"])))
        raise InputError(f"`{where}`: {first['msg']}, found {first['input']!r}") from error
    except ValueError as error:
        if own:
            raise
        raise InputError(f"{unfit}: {error}") from error
    except InputError as error:
        place = modality if own else f"{modality}.{encoder.kind}"
        raise InputError(f"`model.encoders.{place}`: {error}") from error
    return Frames(module) if frames else module
