"""BERT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from asgml.lab.encoders._attention import Attention
from asgml.lab.encoders._base import Sample
from asgml.lab.parts.settings import Local

if TYPE_CHECKING:
    from torch import Tensor


class Bert(Attention):
    """BERT (Devlin et al., NAACL 2019), from transformers; the feature is that of the first token.

    Ids (B, L), 0 for padding -> (B, D).
    """

    takes: ClassVar[tuple[Sample, ...]] = ("text",)
    package: ClassVar[str | None] = "transformers"
    kind: Literal["bert"] = "bert"
    folder: Local | None = None
    """A local folder with a pretrained model, whose tokenizer must have made the ids. None: built anew, a random start."""
    vocabulary: int = Field(default=128, ge=2)
    """Ids lie below it."""

    def modules(self, shape: Sequence[int], feature_dim: int) -> dict[str, Any]:
        """Return the model and the projection."""
        from asgml.lab.encoders import _hugging_face
        from asgml.lab.encoders._layers import projection

        text = {"vocab_size": self.vocabulary, "max_position_embeddings": shape[0]}
        sizes = _hugging_face.attention(self.hidden, self.layers, self.heads) | text
        model = _hugging_face.make("Bert", self.folder, sizes, add_pooling_layer=False)
        if model.config.max_position_embeddings < shape[0]:
            raise ValueError(f"the model in {self.folder} takes {model.config.max_position_embeddings} ids")
        return {"model": model, "fc": projection(model.config.hidden_size, feature_dim)}

    def feature(self, modules: Any, x: Tensor) -> Tensor:
        """Return (B, D)."""
        states = modules.model(input_ids=x, attention_mask=(x != 0).long()).last_hidden_state
        found: Tensor = modules.fc(states[:, 0])
        return found
