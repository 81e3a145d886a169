"""Scores of a model on a split: everything that one epoch's record says of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from asgml.lab.datasets._base import Split
from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.models.modal import Modal, having
from asgml.lab.prepared.stored import Stored
from asgml.lab.tasks._base import Fitted, Online, Task
from asgml.lab.training.objectives import Objective, Unimodal

ROWS, BYTES, CPU = 512, 1 << 26, torch.device("cpu")
"""Of a batch that is only scored: rows, and of what stays in files no more than so many bytes."""


class FromFiles:
    """What a tensor (N, ...) is to those who take rows of it, for inputs that stay in their files."""

    def __init__(self, stored: Stored):
        self._stored, self.shape = stored, torch.Size(stored.shape)

    def is_floating_point(self) -> bool:
        """Whether rows are real numbers: text is none."""
        return bool(self._stored.dtype.kind == "f")

    def __getitem__(self, index: Tensor | slice) -> Tensor:
        return torch.from_numpy(np.asarray(self._stored[index if isinstance(index, slice) else index.numpy()]))


@dataclass(frozen=True)
class Samples:
    """A split's arrays as tensors: modality -> (N, ...), labels (N, ...), and who has a modality that some lack, (N,)."""

    inputs: Mapping[str, Tensor | FromFiles]
    labels: Tensor
    device: torch.device = CPU
    """Where rows go when they are asked for."""
    present: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, split: Split, modalities: tuple[str, ...], device: torch.device = CPU) -> Samples:
        """Take the modalities of a split over."""
        arrays = {m: split.inputs[m] for m in modalities}
        tensors = {m: FromFiles(x) if isinstance(x, Stored) else torch.from_numpy(x) for m, x in arrays.items()}
        present = {m: torch.from_numpy(mask) for m in modalities if not (mask := split.having(m)).all()}
        return cls(tensors, torch.from_numpy(split.labels), device, present)

    def whole(self) -> Samples:
        """Return the samples that have every modality."""
        if not self.present:
            return self
        inputs, labels = self.rows(torch.stack(list(self.present.values())).all(0).nonzero()[:, 0])
        return Samples(inputs, labels, self.device)

    def batches(self) -> Batches:
        """Return all rows, in batches that are made when they are asked for."""
        return Batches(self)

    def rows(self, index: Tensor | slice) -> tuple[Modal, Tensor]:
        """Return inputs and labels of some rows."""
        present = {m: mask[index].to(self.device) for m, mask in self.present.items()}
        inputs = {m: x[index].to(self.device) for m, x in self.inputs.items()}
        return Modal(inputs, present), self.labels[index].to(self.device)


class Batches(Sequence[tuple[dict[str, Tensor], Tensor]]):
    """All rows of samples, in order."""

    def __init__(self, samples: Samples):
        sizes = [4 * math.prod(x.shape[1:]) for x in samples.inputs.values() if isinstance(x, FromFiles)]
        self._samples, self._rows = samples, max(1, min(ROWS, BYTES // sum(sizes))) if sizes else ROWS

    def __len__(self) -> int:
        return -(-len(self._samples.labels) // self._rows)

    def __getitem__(self, n: Any) -> Any:
        if not 0 <= n < len(self):
            raise IndexError(n)
        return self._samples.rows(slice(n * self._rows, (n + 1) * self._rows))


@dataclass(frozen=True)
class Outputs:
    """What a model, in eval mode, makes of a split: logits (N, C), modality -> feature (N, D)."""

    logits: Tensor
    features: Modal
    labels: Tensor

    @property
    def joint(self) -> Tensor:
        """All features side by side, as the fusion gets them."""
        return torch.cat(list(self.features.values()), 1)

    def each(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Return modality -> features and labels of the samples that have it."""
        return {m: (rows[0], rows[1]) for m in self.features if len((rows := having(self.features, m, self.labels))[0])}


@torch.no_grad()
def encode(model: LateFusion, samples: Samples, objective: Objective | None = None) -> Outputs:
    """Run a split through the model in eval mode; the mode is put back. The objective may answer in the fusion's place."""
    was_training = model.training
    model.eval()
    parts = [model(inputs) for inputs, _ in samples.batches()]
    model.train(was_training)
    features = Modal({m: torch.cat([f[m] for _, f in parts]) for m in model.encoders}, samples.present)
    logits = torch.cat([logits for logits, _ in parts])
    return Outputs(objective.predict(logits, features) if objective else logits, features, samples.labels.to(samples.device))


def fit_probes(task: Task, outputs: Outputs) -> dict[str, Fitted]:
    """Fit the offline probe of each modality, and of all features together (`joint`), on the training split's features."""
    return {m: task.fit(x, y) for m, (x, y) in [*outputs.each().items(), ("joint", (outputs.joint, outputs.labels))]}


def scores(task: Task, outputs: Outputs, probes: Mapping[str, Fitted], online: Online) -> dict[str, Any]:
    """Return one split's part of an epoch record. A modality is scored on the samples that have it."""
    labels, each, of = outputs.labels, outputs.each(), task.scoring.short
    offline = {m: probes[m].score(x, y) for m, (x, y) in each.items() if m in probes and not task.problem(y)}
    found = task.metrics(outputs.logits, labels) | {"loss": task.loss(outputs.logits, labels).item()}
    probed = {
        f"probe_{of}": offline,
        f"probe_{of}_joint": probes["joint"].score(outputs.joint, labels),
        f"probe_online_{of}": {m: task.score(online.predict(m, x), y) for m, (x, y) in each.items() if m in offline},
    }
    gap = {"utilization_gap": max(offline.values()) - min(offline.values())} if len(offline) > 1 else {}
    return found | probed | gap


def predictions(model: LateFusion, objective: Objective, outputs: Outputs) -> dict[str, Tensor]:
    """Return the logits worth keeping: fused, and per modality its own head's, or else those with all other features zero."""
    own = next((part for part in objective.modules() if isinstance(part, Unimodal)), None)
    with torch.no_grad():
        if own:
            unimodal = {f"own_head_logits_{m}": head(outputs.features[m]) for m, head in own.heads.items()}
        else:
            unimodal = {f"zero_feature_logits_{m}": model.zero_feature_logits(outputs.features, m) for m in outputs.features}
    return {name: logits.cpu() for name, logits in {"logits": outputs.logits, **unimodal}.items()}
