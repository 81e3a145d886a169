"""EfficientNet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from asgml.lab.models.encoders import pretrained
from asgml.lab.models.encoders.projection import projection

SMALLEST = 32
"""Side of the smallest image that its five halvings leave anything of."""


class EfficientNet(nn.Module):
    """Images (B, C, H, W) -> (B, D): the mean over positions of the last layer (Tan and Le, ICML 2019).

    Built anew, it starts as the paper's and torchvision's: convolutions normal by fan-out, BatchNorm at weight 1. transformers
    draws all weights with a standard deviation of 0.02, BatchNorm's too, which leaves 1e-30 of the signal. BatchNorm's
    statistics move a tenth of the way in every update: the 0.99 of transformers' config is another library's convention, and
    would keep the last batch alone.
    """

    def __init__(self, shape: Sequence[int], feature_dim: int, folder: Path | None, width: float, depth: float):
        super().__init__()
        if min(shape[1:]) < SMALLEST:
            raise ValueError(f"height and width must be at least {SMALLEST}")
        factors = {"width_coefficient": width, "depth_coefficient": depth, "hidden_dim": _in_eights(1280 * width)}
        self.model = pretrained.make("EfficientNet", folder, {"num_channels": shape[0], **factors})
        if self.model.config.num_channels != shape[0]:
            raise ValueError(f"the model in {folder} takes {self.model.config.num_channels} channels")
        _start(self.model, anew=folder is None)
        self.fc = projection(self.model.config.hidden_dim, feature_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, D)."""
        feature: Tensor = self.fc(self.model(pixel_values=x).last_hidden_state.mean((2, 3)))
        return feature


def _start(model: nn.Module, *, anew: bool) -> None:
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = 0.1
            if anew:
                nn.init.ones_(part.weight)
        elif isinstance(part, nn.Conv2d) and anew:
            nn.init.kaiming_normal_(part.weight, mode="fan_out")


def _in_eights(channels: float) -> int:
    """Round to a multiple of 8, 10 % down at most: the paper's rule, by which transformers scales all layers."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded
