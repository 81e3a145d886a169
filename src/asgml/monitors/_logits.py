"""What "unimodal logits" means, by name: what a model says of the class where it has one modality's feature alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from asgml._step import Step
from asgml.monitors._base import Monitor, check_every
from asgml.monitors._labels import IGNORED, Labels, check_ignored, labels_of, unfit
from asgml.monitors._quiet import undisturbed

Heads = Mapping[str, Callable[[Tensor], Tensor]]
Fuse = Callable[[Mapping[str, Tensor]], Tensor]
Judged = tuple[Step, Mapping[str, tuple[Tensor, Labels]]]


@dataclass(frozen=True)
class Split:
    """A final linear layer on concatenated features, taken apart: z_m = h_m W_m^T + b/M, so that the z_m add up to z."""

    given: nn.Linear | Callable[[], nn.Linear]
    widths: Mapping[str, int]

    def __post_init__(self) -> None:
        if not self._asks:
            self.check()

    @property
    def head(self) -> nn.Linear:
        """The layer of now."""
        if isinstance(self.given, nn.Linear) or not self._asks:
            return self.given  # type: ignore[return-value]  # `check` says what is wrong with it
        return self.given()

    @property
    def _asks(self) -> bool:
        return callable(self.given) and not isinstance(self.given, nn.Module)

    def check(self) -> None:
        """Refuse what cannot be split so."""
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
        self.check()
        head = self.head
        columns = dict(zip(self.widths, torch.split(head.weight, list(self.widths.values()), 1), strict=True))
        bias = None if head.bias is None else head.bias / len(self.widths)
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
class OfLogits(Monitor):
    """Reads unimodal logits, whose kind its constructor names."""

    logits: Split | ZeroFeature | Heads = field(repr=False)
    kind: str = field(default="own_head", kw_only=True)
    every: int = field(default=1, kw_only=True)
    ignore_index: int = field(default=IGNORED, kw_only=True)
    _learnt: bool = field(default=False, init=False, repr=False, compare=False)
    _judged: Judged | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_every(self.every)
        check_ignored(self.ignore_index)
        if not isinstance(self.logits, Split | ZeroFeature) and not (
            isinstance(self.logits, Mapping) and self.logits and all(map(callable, self.logits.values()))
        ):
            raise TypeError(
                f"`logits` must be a mapping modality -> function from its feature to logits, found {self.logits!r}: or use "
                "`split`, `zero_feature` or `own_head`"
            )

    @classmethod
    def split(cls, head: nn.Linear | Callable[[], nn.Linear], widths: Mapping[str, int], **settings: Any) -> Self:
        """Split a linear layer on concatenated features: z_m = h_m W_m^T + b/M, which add up to the fused logits.

        `widths` is modality -> number of columns, in the order of concatenation; their sum must be `head.in_features`.
        A head that is replaced while it trains is given as `lambda: net.head`; RuntimeError where it was given itself.
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

    def _check_learning(self) -> None:
        """Refuse a head that got gradients and gets none any more, since the model has another one now."""
        if not isinstance(self.logits, Split) or not isinstance(self.logits.given, nn.Linear):
            return
        parameters = [p for p in self.logits.given.parameters() if p.requires_grad]
        learning = any(p.grad is not None for p in parameters)
        if parameters and self._learnt and not learning:
            raise RuntimeError(
                f"{self.name!r} splits a head that gets no gradient any more: where the model's head was replaced, give "
                f"`{type(self).__name__}.split(lambda: net.head, ...)`, which asks for it anew"
            )
        self._learnt = self._learnt or learning

    def judged(self, step: Step) -> Mapping[str, tuple[Tensor, Labels]]:
        """Return modality -> logits (B, C) and the labels of its rows; computed once per step."""
        if self._judged is None or self._judged[0] is not step:
            self._check_learning()
            labelled = {m: (z, self._labels(step, m, z)) for m, z in self.unimodal(step).items()}
            self._judged = step, labelled
        return self._judged[1]

    def _labels(self, step: Step, modality: str, logits: Tensor) -> Labels:
        return labels_of(step, modality, self.name, logits.shape[1], self.ignore_index)

    def admits(self, step: Step) -> Mapping[str, Tensor]:
        """Return modality -> rows with a label."""
        return {m: labels.admitted() for m, (_, labels) in self.judged(step).items()}

    def unfit(self, step: Step, modality: str) -> str:
        """Say which labels are no classes."""
        judged = self.judged(step)  # a rank that has no row of a modality knows no classes of it
        classes = judged[modality][0].shape[1] if modality in judged else "below the number of its logits"
        return unfit(self.name, modality, step.targets_of(modality), classes, self.ignore_index)

    def learn(self, step: Step, sums: Mapping[str, Tensor]) -> None:
        """Let go of the step's tensors."""
        self._judged = None

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
