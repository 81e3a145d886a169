"""Encoders that run inside `torch.func`'s transforms."""

from __future__ import annotations

import torch
from torch import Tensor


def bare(modality: str, feature: Tensor) -> Tensor:
    """Return a feature without what `torch.func.grad` puts around it; inside `torch.func.vmap` no batch has one."""
    functorch = torch._C._functorch
    while functorch.is_functorch_wrapped_tensor(feature):
        if functorch.is_batchedtensor(feature):
            raise RuntimeError(
                f"encoder {modality!r} runs inside `torch.func.vmap`, as per-sample gradients are made: it returns one "
                "sample's feature at a time there, so that a batch cannot be watched. Call the encoder without vmap, or take "
                "per-sample gradients while the Balancer is removed"
            )
        feature = functorch.get_unwrapped(feature)
    return feature
