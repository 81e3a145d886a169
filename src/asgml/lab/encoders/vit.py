"""Vision Transformer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from asgml.lab.encoders._attention import Attention
from asgml.lab.encoders._base import Sample
from asgml.lab.parts.settings import Local

if TYPE_CHECKING:
    from torch import Tensor


class ViT(Attention):
    """Vision Transformer (Dosovitskiy et al., ICLR 2021), from transformers.

    Images (B, C, H, W) -> (B, D): the class token's last state.
    """

    takes: ClassVar[tuple[Sample, ...]] = ("image", "frames")
    package: ClassVar[str | None] = "transformers"
    kind: Literal["vit"] = "vit"
    folder: Local | None = None
    """A local folder with a pretrained model; it then sets all sizes. None: built anew, a random start."""
    patch: int = Field(default=16, ge=1)
    """Side of a patch in pixels."""

    def modules(self, shape: Sequence[int], feature_dim: int) -> dict[str, Any]:
        """Return the model and the projection."""
        from asgml.lab.encoders import _hugging_face
        from asgml.lab.encoders._layers import projection

        if self.folder is None and min(shape[1:]) < self.patch:
            raise ValueError(f"height and width must be at least the patch's, {self.patch}")
        image = {"num_channels": shape[0], "image_size": (shape[1], shape[2]), "patch_size": self.patch}
        sizes = _hugging_face.attention(self.hidden, self.layers, self.heads) | image
        model = _hugging_face.make("ViT", self.folder, sizes, add_pooling_layer=False)
        if model.config.num_channels != shape[0]:
            raise ValueError(f"the model in {self.folder} takes {model.config.num_channels} channels")
        return {"model": model, "fc": projection(model.config.hidden_size, feature_dim)}

    def feature(self, modules: Any, x: Tensor) -> Tensor:
        """Return (B, D); positions of a pretrained model are interpolated to the images' size."""
        states = modules.model(pixel_values=x, interpolate_pos_encoding=self.folder is not None).last_hidden_state
        found: Tensor = modules.fc(states[:, 0])
        return found
