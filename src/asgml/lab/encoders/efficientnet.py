"""EfficientNet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from asgml.lab.encoders._base import Encoder, Sample
from asgml.lab.parts.settings import Local

if TYPE_CHECKING:
    from torch import Tensor, nn

SMALLEST = 32
"""Side of the smallest image that its five halvings leave anything of."""


class EfficientNet(Encoder):
    """EfficientNet (Tan and Le, ICML 2019), from transformers; B0 unless scaled.

    Images (B, C, H, W) -> (B, D): the mean over positions of the last layer. Built anew, it starts as the paper's and
    torchvision's: convolutions normal by fan-out, BatchNorm at weight 1. transformers draws all weights with a standard
    deviation of 0.02, BatchNorm's too, which leaves 1e-30 of the signal. BatchNorm's statistics move a tenth of the way in
    every update: the 0.99 of transformers' config is another library's convention, and would keep the last batch alone.
    """

    takes: ClassVar[tuple[Sample, ...]] = ("image", "frames")
    package: ClassVar[str | None] = "transformers"
    kind: Literal["efficientnet"] = "efficientnet"
    folder: Local | None = None
    """A local folder with a pretrained model; it then sets all sizes. None: built anew, a random start."""
    width: float = Field(default=1.0, gt=0)
    """Factor on B0's channels."""
    depth: float = Field(default=1.0, gt=0)
    """Factor on B0's layers."""

    def modules(self, shape: Sequence[int], feature_dim: int) -> dict[str, Any]:
        """Return the model and the projection."""
        from asgml.lab.encoders import _hugging_face
        from asgml.lab.encoders._layers import projection

        if min(shape[1:]) < SMALLEST:
            raise ValueError(f"height and width must be at least {SMALLEST}")
        factors = {
            "width_coefficient": self.width,
            "depth_coefficient": self.depth,
            "hidden_dim": _in_eights(1280 * self.width),
        }
        model = _hugging_face.make("EfficientNet", self.folder, {"num_channels": shape[0], **factors})
        if model.config.num_channels != shape[0]:
            raise ValueError(f"the model in {self.folder} takes {model.config.num_channels} channels")
        _start(model, anew=self.folder is None)
        return {"model": model, "fc": projection(model.config.hidden_dim, feature_dim)}

    def feature(self, modules: Any, x: Tensor) -> Tensor:
        """Return (B, D)."""
        found: Tensor = modules.fc(modules.model(pixel_values=x).last_hidden_state.mean((2, 3)))
        return found


def _start(model: nn.Module, *, anew: bool) -> None:
    from torch import nn

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
