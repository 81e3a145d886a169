"""What "unimodal logits" means, by name: what a model says of the class where it has one modality's feature alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from asgml._step import Step
from asgml.diagnostics._base import Diagnostic, check_every
from asgml.diagnostics._quiet import undisturbed

Heads = Mapping[str, Callable[[Tensor], Tensor]]
Fuse = Callable[[Mapping[str, Tensor]], Tensor]


@dataclass(frozen=True)
class Split:
    """A final linear layer on concatenated features, taken apart: z_m = h_m W_m^T + b/M, so that the z_m add up to z."""

    head: nn.Linear
    widths: Mapping[str, int]

    def __post_init__(self) -> None:
        if not isinstance(self.head, nn.Linear):
            raise TypeError(
                f"`head` must be the nn.Linear that takes the concatenated features, found {type(self.head).__name__}: only "
                "that can be split; use `zero_feature` for any other fusion"
            )
        if sum(self.widths.values()) != self.head.in_features:
            raise ValueError(
                f"`widths` must add up to the head's {self.head.in_features} inputs, found {dict(self.widths)}, which makes "
                f"{sum(self.widths.values())}: give every modality's width, in the order of concatenation"
            )

    def __call__(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return modality -> logits (B, C)."""
        columns = dict(zip(self.widths, torch.split(self.head.weight, list(self.widths.values()), 1), strict=True))
        bias = None if self.head.bias is None else self.head.bias / len(self.widths)
        for modality, x in features.items():
            if modality in columns and x.shape[1:] != (self.widths[modality],):
                raise ValueError(
                    f"`widths` says that the feature of {modality!r} has {self.widths[modality]} columns, found shape "
                    f"{tuple(x.shape)}"
                )
        return {m: linear(x.to(columns[m].dtype), columns[m], bias) for m, x in features.items() if m in columns}


@dataclass(frozen=True)
class ZeroFeature:
    """The model's own fusion and head, called with every other modality's feature set to zero; its bias counts in full."""

    fuse: Fuse

    def __call__(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return modality -> logits (B, C)."""
        return {m: self.fuse({n: x if n == m else torch.zeros_like(x) for n, x in features.items()}) for m in features}


@dataclass
class OfLogits(Diagnostic):
    """Reads unimodal logits, whose kind its constructor names."""

    logits: Split | ZeroFeature | Heads = field(repr=False)
    kind: str = field(default="own_head", kw_only=True)
    every: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        check_every(self.every)
        if not isinstance(self.logits, Split | ZeroFeature) and not (
            isinstance(self.logits, Mapping) and self.logits and all(map(callable, self.logits.values()))
        ):
            raise TypeError(
                f"`logits` must be a mapping modality -> function from its feature to logits, found {self.logits!r}: or use "
                "`split`, `zero_feature` or `own_head`"
            )

    @classmethod
    def split(cls, head: nn.Linear, widths: Mapping[str, int], **settings: Any) -> Self:
        """Split a linear layer on concatenated features: z_m = h_m W_m^T + b/M, which add up to the fused logits.

        `widths` is modality -> number of columns, in the order of concatenation; their sum must be `head.in_features`.
        """
        return cls(Split(head, dict(widths)), kind="split", **settings)

    @classmethod
    def zero_feature(cls, fuse: Fuse, **settings: Any) -> Self:
        """Call the model's fusion and head, `fuse(modality -> feature) -> logits`, with every other feature zero."""
        return cls(ZeroFeature(fuse), kind="zero_feature", **settings)

    @classmethod
    def own_head(cls, heads: Heads, **settings: Any) -> Self:
        """Call each modality's own head, trained with a loss of its own; or one head shared by all of them."""
        return cls(dict(heads), kind="own_head", **settings)

    def unimodal(self, step: Step) -> dict[str, Tensor]:
        """Return modality -> logits (B, C), from heads in eval mode, without a graph."""
        heads = self.logits if isinstance(self.logits, Mapping) else {}
        if unknown := sorted({*heads, *getattr(self.logits, "widths", ())} - set(step.params)):
            raise ValueError(f"{self.name!r} has logits for {unknown}; the modalities are {sorted(step.params)}")
        features = {m: x for m, x in step.features.items() if len(x)}
        with torch.no_grad(), undisturbed([*heads.values(), getattr(self.logits, "fuse", None)], evaluating=True):
            found = (
                self.logits(features) if callable(self.logits) else {m: heads[m](features[m]) for m in heads if m in features}
            )
        for modality, logits in found.items():
            if logits.ndim != 2 or len(logits) != len(features[modality]):
                raise ValueError(
                    f"{self.name!r} needs logits of shape ({len(features[modality])}, classes) for {modality!r}, found shape "
                    f"{tuple(logits.shape)}"
                )
        return found
