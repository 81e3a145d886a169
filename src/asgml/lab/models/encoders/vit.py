"""Vision Transformer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from asgml.lab.models.encoders import pretrained
from asgml.lab.models.encoders.projection import projection


class ViT(nn.Module):
    """Images (B, C, H, W) -> (B, D): the class token's last state (Dosovitskiy et al., ICLR 2021)."""

    def __init__(
        self, shape: Sequence[int], feature_dim: int, folder: Path | None, patch: int, hidden: int, layers: int, heads: int
    ):
        super().__init__()
        if folder is None and min(shape[1:]) < patch:
            raise ValueError(f"height and width must be at least the patch's, {patch}")
        image = {"num_channels": shape[0], "image_size": (shape[1], shape[2]), "patch_size": patch}
        sizes = pretrained.attention(hidden, layers, heads) | image
        self.model = pretrained.make("ViT", folder, sizes, add_pooling_layer=False)
        if self.model.config.num_channels != shape[0]:
            raise ValueError(f"the model in {folder} takes {self.model.config.num_channels} channels")
        self.resized = folder is not None
        self.fc = projection(self.model.config.hidden_size, feature_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, D); positions of a pretrained model are interpolated to the images' size."""
        states = self.model(pixel_values=x, interpolate_pos_encoding=self.resized).last_hidden_state
        feature: Tensor = self.fc(states[:, 0])
        return feature
