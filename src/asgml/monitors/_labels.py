"""Class labels of a step: which rows have one, which are left out, and the words for what is no label."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from asgml._step import Step

IGNORED = -100
"""The label of a row that has none, as in `torch.nn.functional.cross_entropy`."""


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Class indices (B,), of which only those in `keep` count. No word of them has reached the host."""

    of: Tensor
    """(B,) int64; a row that is left out may hold anything."""
    onehot: Tensor
    """(B, classes) float32; zeros in rows that are left out."""
    keep: Tensor
    """(B,) bool: the rows that have a label."""
    fit: Tensor
    """0-dim bool: whether every other row holds `ignore_index`."""

    rows: Tensor
    """How many rows have a label, 0-dim float32."""

    @classmethod
    def told(cls, targets: Tensor, classes: int, ignore_index: int) -> Labels:
        """Read integer targets (B,) of any kind."""
        labels = targets.long()  # a comparison of bytes with -100 would wrap around
        onehot = labels[:, None] == torch.arange(classes, device=labels.device)
        keep = (labels >= 0) & (labels < classes) & (labels != ignore_index)
        fit = (keep | (labels == ignore_index)).all()
        return cls(labels, (onehot & keep[:, None]).float(), keep, fit, keep.sum(dtype=torch.float32))

    def admitted(self) -> Tensor:
        """Return `rows`, or inf where a label is neither a class nor `ignore_index`."""
        return torch.where(self.fit, self.rows, torch.inf)

    def only(self, values: Tensor) -> Tensor:
        """Return values (B, ...) with zeros in the rows that are left out, whatever stood there."""
        return torch.where(self.keep.view(-1, *[1] * (values.ndim - 1)), values, 0)


def needed_targets(step: Step, modality: str, name: str) -> Tensor:
    """Return the targets of a modality's rows, or say that there are none, or that they are no tensor."""
    if step.targets is not None and not isinstance(step.targets, Tensor):
        raise TypeError(f"`targets` must be a tensor, found {type(step.targets).__name__}: give `torch.as_tensor(targets)`")
    targets = step.targets_of(modality)
    if targets is None:
        raise ValueError(f"{name!r} needs targets: call `balancer.adjust(targets)`")
    return targets


def labels_of(step: Step, modality: str, name: str, classes: int, ignore_index: int) -> Labels:
    """Return the class labels of a modality's rows, or say what is wrong with the targets."""
    rows, targets = len(step.features[modality]), needed_targets(step, modality, name)
    if targets.shape != (rows,) or targets.is_floating_point() or targets.is_complex():
        raise ValueError(
            f"{name!r} needs targets of shape ({rows},), the rows of {modality!r}, holding class indices; found shape "
            f"{tuple(targets.shape)}, {targets.dtype}: {_way_out(targets, rows)}"
        )
    return Labels.told(targets.to(step.features[modality].device), classes, ignore_index)


def _way_out(targets: Tensor, rows: int) -> str:
    if targets.ndim and len(targets) != rows:
        return ROWS
    if targets.ndim == 2 and targets.is_floating_point():
        return (
            "of soft targets, as mixup and label smoothing make them, give `targets.argmax(1)`; of several labels per sample "
            "use MultilabelProbe"
        )
    return "give one class index per row, as an integer"


ROWS = (
    "give one row per sample; where only some rows have a modality, `present={modality: mask}`; after a forward that no update "
    "followed, call `balancer.forget()`"
)
"""What to do where targets and features have other numbers of rows."""


def unfit(name: str, modality: str, targets: Tensor | None, classes: int | str, ignore_index: int) -> str:
    """Return the words for labels that are no classes; this reads them, so that it must come after they were found."""
    top = f"0 to {classes - 1}" if isinstance(classes, int) else classes
    strange: list[int] = []
    if targets is not None and isinstance(classes, int):
        wrong = ((targets < 0) | (targets >= classes)) & (targets.long() != ignore_index)
        strange = sorted(set(targets[wrong].tolist()))[:5]
    found = f"found {', '.join(map(str, strange))}" if strange else "found others, on another rank"
    return (
        f"{name!r} takes class indices {top} as the targets of {modality!r}, {found}: count classes from 0, and give the "
        f"number of all of them; rows without a label are left out where it is `ignore_index`, here {ignore_index}"
    )


def check_ignored(ignore_index: object) -> None:
    """Refuse an `ignore_index` that is no integer."""
    if isinstance(ignore_index, bool) or not isinstance(ignore_index, int):
        raise ValueError(f"`ignore_index` must be an integer, the label of rows that have none, found {ignore_index!r}")
