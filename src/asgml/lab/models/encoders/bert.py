"""BERT."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from asgml.lab.models.encoders import pretrained
from asgml.lab.models.encoders.projection import projection


class Bert(nn.Module):
    """Ids (B, L), 0 for padding -> (B, D): the first token's last state (Devlin et al., NAACL 2019)."""

    def __init__(
        self, shape: Sequence[int], feature_dim: int, folder: Path | None, vocabulary: int, hidden: int, layers: int, heads: int
    ):
        super().__init__()
        text = {"vocab_size": vocabulary, "max_position_embeddings": shape[0]}
        sizes = pretrained.attention(hidden, layers, heads) | text
        self.model = pretrained.make("Bert", folder, sizes, add_pooling_layer=False)
        if self.model.config.max_position_embeddings < shape[0]:
            raise ValueError(f"the model in {folder} takes {self.model.config.max_position_embeddings} ids")
        self.fc = projection(self.model.config.hidden_size, feature_dim)

    def forward(self, ids: Tensor) -> Tensor:
        """Return (B, D)."""
        states = self.model(input_ids=ids, attention_mask=(ids != 0).long()).last_hidden_state
        feature: Tensor = self.fc(states[:, 0])
        return feature
