"""Encoders: one sample's array in, one feature vector out."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from asgml.lab.config import ImportedEncoder, Model
from asgml.lab.errors import InputError
from asgml.lab.imports import load_object

CHARACTERS = 128


class Cnn(nn.Sequential):
    """Images and spectrograms (B, C, H, W) -> (B, D): 3x3 convolution, ReLU, 2x2 pooling, twice; then a linear layer, ReLU."""

    def __init__(self, shape: Sequence[int], feature_dim: int):
        channels, height, width = shape
        super().__init__(
            nn.Conv2d(channels, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(32 * (height // 4) * (width // 4), feature_dim), nn.ReLU(),
        )  # fmt: skip


class CharCnn(nn.Module):
    """Character ids (B, L), 0 for padding -> (B, D): embedding, width-3 convolution, maximum over L, linear layer, ReLU."""

    def __init__(self, shape: Sequence[int], feature_dim: int):
        super().__init__()
        self.embed = nn.Embedding(CHARACTERS, 16, padding_idx=0)
        self.convolve = nn.Conv1d(16, 32, 3, padding=1)
        self.project = nn.Linear(32, feature_dim)

    def forward(self, ids: Tensor) -> Tensor:
        """Return (B, D)."""
        seen: Tensor = self.convolve(self.embed(ids).transpose(1, 2)).relu().amax(2)
        projected: Tensor = self.project(seen)
        return projected.relu()


BUILT_IN = {"cnn": Cnn, "char_cnn": CharCnn}


def build_encoder(modality: str, model: Model, shape: Sequence[int], is_text: bool) -> nn.Module:
    """Return the encoder that the experiment names for this modality, or the one that fits its input."""
    chosen = model.encoders.get(modality, "char_cnn" if is_text else "cnn")
    if isinstance(chosen, ImportedEncoder):
        made = load_object(chosen.import_, f"model.encoders.{modality}")(shape, model.feature_dim, **chosen.arguments)
        if not isinstance(made, nn.Module):
            raise InputError(
                f"`model.encoders.{modality}`: {chosen.import_} must return an nn.Module, found {type(made).__name__}"
            )
        return made
    if (chosen == "char_cnn") != is_text or (chosen == "cnn" and (len(shape) != 3 or min(shape[1:]) < 4)):
        raise InputError(f"`model.encoders.{modality}`: {chosen!r} does not fit samples of shape {tuple(shape)}")
    return BUILT_IN[chosen](shape, model.feature_dim)
