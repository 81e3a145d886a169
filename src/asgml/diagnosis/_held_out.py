"""Held-out samples, run once; then the fusion again and again with some encoders' outputs changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from asgml.diagnosis._outputs import permuted, zeroed
from asgml.diagnosis._subject import Subject

Solo = float | Tensor | nn.Module
"""A unimodal reference: its accuracy, its predictions or logits on the held-out samples, or the model."""


@dataclass(frozen=True)
class HeldOut:
    """Batches, what the encoders made of them, and what the model said."""

    subject: Subject
    batches: Sequence[Any]
    outputs: Mapping[str, Sequence[Any]]
    """Modality -> what its encoder returned, batch by batch."""
    features: Mapping[str, Tensor]
    """Modality -> (N, D), on the CPU."""
    targets: Tensor
    """(N,), on the CPU."""
    predicted: Tensor
    """(N,), on the CPU."""
    rows: Sequence[int]
    """Samples in each batch."""

    @classmethod
    def read(cls, subject: Subject, loader: Iterable[Any]) -> HeldOut:
        """Run every batch once, and keep it: a loader that shuffles would not give it again."""
        batches = list(loader)
        if not batches:
            raise ValueError("`val_loader` must hold at least one batch, found none")
        seen = [subject.watch(batch) for batch in batches]
        outputs = {m: [output[m] for _, _, output in seen] for m in subject.encoders}
        features = {m: torch.cat([subject.feature(m, x) for x in given]) for m, given in outputs.items()}
        targets = torch.cat([t.cpu() for _, t, _ in seen])
        predicted = torch.cat([logits.argmax(1).cpu() for logits, _, _ in seen])
        return cls(subject, batches, outputs, features, targets, predicted, [len(t) for _, t, _ in seen])

    @property
    def right(self) -> Tensor:
        """Whether the model is right, (N,) 0 or 1."""
        return (self.predicted == self.targets).double()

    def right_with(self, changed: Mapping[str, Sequence[Any]]) -> Tensor:
        """Whether the model is right when some encoders' outputs are others, (N,) 0 or 1."""
        given = {**self.outputs, **changed}
        batches = (
            self.subject.given(batch, {m: given[m][n] for m in given})[0].argmax(1).cpu()
            for n, batch in enumerate(self.batches)
        )
        return (torch.cat(list(batches)) == self.targets).double()

    def right_of(self, present: Iterable[str]) -> Tensor:
        """Whether the model is right when every modality that is not present has zeros for its feature."""
        gone = set(self.outputs) - set(present)
        return self.right_with({m: [zeroed(x, r) for x, r in zip(self.outputs[m], self.rows, strict=True)] for m in gone})

    def right_permuted(self, modality: str, times: int, generator: torch.Generator) -> Tensor:
        """How often the model is right when samples swap this modality's feature, (N,), a share over permutations."""
        draws = (permuted(self.outputs[modality], self.rows, generator) for _ in range(times))
        return torch.stack([self.right_with({modality: drawn}) for drawn in draws]).mean(0)

    def right_alone(self, modality: str, solo: Solo) -> Tensor:
        """Whether a unimodal reference is right, (N,); where only its accuracy is known, that number for every sample."""
        if isinstance(solo, nn.Module):
            solo = torch.cat([self.subject.forward(solo, batch)[0].detach() for batch in self.batches])
        if isinstance(solo, Tensor) and solo.ndim in (1, 2) and len(solo) == len(self.targets):
            labels = solo.argmax(1) if solo.ndim == 2 else solo
            return (labels.cpu() == self.targets).double()
        if not isinstance(solo, Tensor) and isinstance(solo, int | float) and 0 <= solo <= 1:
            return torch.full((len(self.targets),), float(solo), dtype=torch.double)
        raise ValueError(
            f"`solo[{modality!r}]` must be an accuracy (0-1), predictions ({len(self.targets)},) or logits "
            f"({len(self.targets)}, C) of the held-out samples in the loader's order, or a model, found "
            f"{tuple(solo.shape) if isinstance(solo, Tensor) else repr(solo)}"
        )
