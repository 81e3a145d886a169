"""Audio Spectrogram Transformer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from asgml.lab.models.encoders import pretrained
from asgml.lab.models.encoders.projection import projection


class Ast(nn.Module):
    """Spectrograms (B, 1, F, T) -> (B, D): the mean of the class and the distillation token (Gong et al., Interspeech 2021)."""

    def __init__(
        self, shape: Sequence[int], feature_dim: int, folder: Path | None, patch: int, stride: int, hidden: int, layers: int,
        heads: int,
    ):  # fmt: skip
        super().__init__()
        channels, frequencies, time = shape
        if channels != 1 or (folder is None and min(frequencies, time) < patch):
            raise ValueError(f"it takes one channel of at least {patch} x {patch} bins")
        bins = {"max_length": time, "num_mel_bins": frequencies}
        steps = {"patch_size": patch, "frequency_stride": stride, "time_stride": stride}
        self.model = pretrained.make("AST", folder, pretrained.attention(hidden, layers, heads) | bins | steps)
        if {name: getattr(self.model.config, name) for name in bins} != bins:
            c = self.model.config
            raise ValueError(f"the model in {folder} takes {c.num_mel_bins} frequencies x {c.max_length} steps of time")
        self.fc = projection(self.model.config.hidden_size, feature_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, D)."""
        feature: Tensor = self.fc(self.model(x[:, 0].transpose(1, 2)).pooler_output)
        return feature
