"""Text without its order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from asgml.lab.encoders._base import Encoder, Sample

if TYPE_CHECKING:
    from torch import Tensor

BASE = 0x9E3779B97F4A7C15
"""Of the polynomial hash: odd, so that it has an inverse modulo 2^64."""


class BagOfWords(Encoder):
    """The mean of the embeddings of a text's words, hashed into buckets (Joulin et al., EACL 2017); their order is lost.

    Ids (B, L), 0 for padding -> (B, D), zeros for a text without any word. Without `separator` every id is a word. With it, ids
    are characters and every run between separators is a word, hashed into one of `buckets`; different words may share one.
    """

    takes: ClassVar[tuple[Sample, ...]] = ("text",)
    kind: Literal["bag_of_words"] = "bag_of_words"
    separator: int | None = None
    """The id between words where ids are characters; None: every id is a word."""
    buckets: int = Field(default=4096, ge=2)

    def modules(self, shape: Sequence[int], feature_dim: int) -> dict[str, Any]:
        """Return the embedding, and the powers of the hash, which no file keeps."""
        from torch import nn

        embed = nn.EmbeddingBag(self.buckets, feature_dim, mode="mean")
        return {"embed": embed, "powers": _powers(BASE, shape[0]), "inverses": _powers(pow(BASE, -1, 2**64), shape[0])}

    def feature(self, modules: Any, x: Tensor) -> Tensor:
        """Return (B, D)."""
        import torch

        rows, words = self.words(modules, x)
        starts = torch.searchsorted(rows, torch.arange(len(x), device=x.device))
        bag: Tensor = modules.embed(words % self.buckets, starts)
        return bag

    def words(self, modules: Any, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rows, ascending, and the hashes (as large as 2^63) of all words."""
        import torch

        inside = ids != 0
        if self.separator is None:
            return inside.nonzero()[:, 0], ids[inside]
        inside &= ids != self.separator
        apart = torch.zeros_like(inside[:, :1])
        starts = inside & ~torch.cat([apart, inside[:, :-1]], 1)
        ends = inside & ~torch.cat([inside[:, 1:], apart], 1)
        sums = (ids * inside * modules.powers).cumsum(1)  # modulo 2^64, as integers overflow
        (rows, first), last = starts.nonzero().T, ends.nonzero()[:, 1]
        hashed = (sums[rows, last] - sums[rows, first] + ids[rows, first] * modules.powers[first]) * modules.inverses[first]
        return rows, hashed ^ (hashed >> 32)


def _powers(base: int, count: int) -> Tensor:
    import torch

    found = [pow(base, n, 2**64) for n in range(count)]
    return torch.tensor([p - 2**64 if p >= 2**63 else p for p in found])
