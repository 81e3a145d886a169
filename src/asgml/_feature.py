"""What is kept of an encoder's forwards until the update: as little as the parts need, and as the encoder returned it."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

MANY, LARGE = 100, 1 << 26
"""Forwards without an update, and bytes kept of them, that together are told of."""
ENDLESS = 1000
"""Forwards without an update that are told of however small."""


class Kept:
    """The features of one encoder since the last update.

    Where no part reads features, rows without a column stand for them. Where one does, a feature is kept as it is, with two
    exceptions. Of a view into something larger its own numbers are copied. And what the model changes in place afterwards
    (`ReLU(inplace=True)`) is copied before: in the first update everything is copied, and torch's counter of changes
    (`_version`) tells whether that was needed. Should changes begin later, one update's feature is lost, and copies are made
    from then on.
    """

    def __init__(self, modality: str, needed: bool):
        self.modality, self.needed = modality, needed
        self.features: list[tuple[int, Tensor]] = []
        """(Number of the forward, feature)."""
        self._watched: list[tuple[Tensor, int]] = []
        self._copies, self._first, self._bytes, self._told = True, True, 0, False

    def add(self, forward: int, feature: Tensor, *, copied: bool = False) -> None:
        """Keep a detached feature of a forward; `copied` says that nobody else holds its numbers."""
        if not self.needed:
            self._shorten()
            self.features.append((forward, _rows_of(feature)))
            return
        kept = feature if copied else _owned(feature)
        if kept is feature and not copied:
            if self._first or not self._copies:
                self._watched.append((feature, -1 if feature.is_inference() else feature._version))
            if self._copies:
                kept = feature.clone()
        self.features.append((forward, kept))
        self._bytes += kept.nbytes
        self._tell()

    def settle(self) -> bool:
        """End an update: return whether features that it kept were changed in place, and decide whether copies go on."""
        changed = any(version >= 0 and feature._version != version for feature, version in self._watched)
        lost = changed and not self._copies
        if self.features:
            self._copies = changed or (self._copies and not self._first)
            self._first = False
        self._watched.clear()
        if lost:
            warnings.warn(
                f"the output of encoder {self.modality!r} was changed in place after its forward, as it was not in the first "
                "update: nothing is measured of it in this update, and copies are kept from now on. They are needed as long as "
                "`inplace=True` or the like follows the encoder",
                UserWarning,
                stacklevel=5,
            )
        return lost

    def clear(self) -> None:
        """Forget the features."""
        self.features.clear()
        self._watched.clear()
        self._bytes = 0

    def _shorten(self) -> None:
        """Bound what stands for features where nobody ends an update."""
        if len(self.features) > MANY:
            forward, latest = self.features[-1]
            self.features[:] = [(forward, torch.cat([x for _, x in self.features]) if latest.ndim else latest)]

    def _tell(self) -> None:
        many = len(self.features)
        if not self._told and (many >= ENDLESS or (many >= MANY and self._bytes > LARGE)):
            self._told = True
            warnings.warn(
                f"{many} forwards of encoder {self.modality!r} were seen since the last `adjust`, and the features of all are "
                f"kept, {self._bytes / 2**20:.0f} MiB: call `balancer.adjust` once per update, `balancer.forget()` after "
                "forwards that no update follows, or `balancer.remove()`",
                UserWarning,
                stacklevel=2,
            )


def _rows_of(feature: Tensor) -> Tensor:
    """Return what tells how many rows a feature has, and holds no number."""
    return feature.new_empty((len(feature), 0) if feature.ndim else (), dtype=torch.float32)


def _owned(feature: Tensor) -> Tensor:
    """Return a feature that keeps no memory alive but its own: a copy of a view into something larger."""
    if feature.layout is not torch.strided or hasattr(feature, "device_mesh") or feature.nbytes == 0:
        return feature
    return feature.clone() if feature.untyped_storage().nbytes() > feature.nbytes else feature
