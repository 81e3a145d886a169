"""Audio Spectrogram Transformer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from asgml.lab.encoders._attention import Attention
from asgml.lab.encoders._base import Sample
from asgml.lab.parts.settings import Local

if TYPE_CHECKING:
    from torch import Tensor


class Ast(Attention):
    """Audio Spectrogram Transformer (Gong et al., Interspeech 2021), from transformers: (1, frequencies, time).

    Spectrograms (B, 1, F, T) -> (B, D): the mean of the class and the distillation token.
    """

    takes: ClassVar[tuple[Sample, ...]] = ("image",)
    package: ClassVar[str | None] = "transformers"
    kind: Literal["ast"] = "ast"
    folder: Local | None = None
    """A local folder with a pretrained model; it then sets all sizes. None: built anew, a random start."""
    patch: int = Field(default=16, ge=1)
    """Side of a patch in bins."""
    stride: int = Field(default=10, ge=1)
    """Distance of patches in bins."""

    def modules(self, shape: Sequence[int], feature_dim: int) -> dict[str, Any]:
        """Return the model and the projection."""
        from asgml.lab.encoders import _hugging_face
        from asgml.lab.encoders._layers import projection

        channels, frequencies, time = shape
        if channels != 1 or (self.folder is None and min(frequencies, time) < self.patch):
            raise ValueError(f"it takes one channel of at least {self.patch} x {self.patch} bins")
        bins = {"max_length": time, "num_mel_bins": frequencies}
        steps = {"patch_size": self.patch, "frequency_stride": self.stride, "time_stride": self.stride}
        sizes = _hugging_face.attention(self.hidden, self.layers, self.heads) | bins | steps
        model = _hugging_face.make("AST", self.folder, sizes)
        found = model.config
        if {name: getattr(found, name) for name in bins} != bins:
            takes = f"{found.num_mel_bins} frequencies x {found.max_length} steps of time"
            raise ValueError(f"the model in {self.folder} takes {takes}")
        return {"model": model, "fc": projection(found.hidden_size, feature_dim)}

    def feature(self, modules: Any, x: Tensor) -> Tensor:
        """Return (B, D)."""
        found: Tensor = modules.fc(modules.model(x[:, 0].transpose(1, 2)).pooler_output)
        return found
