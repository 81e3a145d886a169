"""Text without its order."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

BASE = 0x9E3779B97F4A7C15
"""Of the polynomial hash: odd, so that it has an inverse modulo 2^64."""


class BagOfWords(nn.Module):
    """Ids (B, L), 0 for padding -> (B, D): the mean of the embeddings of the text's words, zeros for a text without any.

    Without `separator` every id is a word. With it, ids are characters and every run between separators is a word, hashed into
    one of `buckets`; different words may share one (Joulin et al., Bag of Tricks for Efficient Text Classification, EACL 2017).
    """

    powers: Tensor
    inverses: Tensor

    def __init__(self, shape: Sequence[int], feature_dim: int, separator: int | None, buckets: int):
        super().__init__()
        self.separator, self.buckets = separator, buckets
        self.embed = nn.EmbeddingBag(buckets, feature_dim, mode="mean")
        self.register_buffer("powers", _powers(BASE, shape[0]), persistent=False)
        self.register_buffer("inverses", _powers(pow(BASE, -1, 2**64), shape[0]), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Return (B, D)."""
        rows, words = self.words(ids)
        starts = torch.searchsorted(rows, torch.arange(len(ids), device=ids.device))
        bag: Tensor = self.embed(words % self.buckets, starts)
        return bag

    def words(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rows, ascending, and the hashes (as large as 2^63) of all words."""
        inside = ids != 0
        if self.separator is None:
            return inside.nonzero()[:, 0], ids[inside]
        inside &= ids != self.separator
        apart = torch.zeros_like(inside[:, :1])
        starts = inside & ~torch.cat([apart, inside[:, :-1]], 1)
        ends = inside & ~torch.cat([inside[:, 1:], apart], 1)
        sums = (ids * inside * self.powers).cumsum(1)  # modulo 2^64, as integers overflow
        (rows, first), last = starts.nonzero().T, ends.nonzero()[:, 1]
        hashed = (sums[rows, last] - sums[rows, first] + ids[rows, first] * self.powers[first]) * self.inverses[first]
        return rows, hashed ^ (hashed >> 32)


def _powers(base: int, count: int) -> Tensor:
    found = [pow(base, n, 2**64) for n in range(count)]
    return torch.tensor([p - 2**64 if p >= 2**63 else p for p in found])
