"""Scores of a model on a split: everything that one epoch's record says of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.metrics import f1_score
from torch import Tensor
from torch.nn.functional import cross_entropy

from asgml import LinearProbe, fit_probe
from asgml.diagnostics import Probe
from asgml.lab.datasets._base import Split
from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.prepared.stored import Stored
from asgml.lab.training.objectives import Objective, Unimodal

ROWS, BYTES = 512, 1 << 26
"""Of a batch that is only scored: rows, and of what stays in files no more than so many bytes."""


class FromFiles:
    """What a tensor (N, ...) is to those who take rows of it, for inputs that stay in their files."""

    def __init__(self, stored: Stored):
        self._stored, self.shape = stored, torch.Size(stored.shape)

    def is_floating_point(self) -> bool:
        """Whether rows are float32: they are."""
        return True

    def __getitem__(self, index: Tensor | slice) -> Tensor:
        return torch.from_numpy(np.asarray(self._stored[index if isinstance(index, slice) else index.numpy()]))


@dataclass(frozen=True)
class Samples:
    """A split's arrays as tensors: modality -> (N, ...), and labels (N,)."""

    inputs: Mapping[str, Tensor | FromFiles]
    labels: Tensor

    @classmethod
    def of(cls, split: Split, modalities: tuple[str, ...]) -> Samples:
        """Take the modalities of a split over."""
        arrays = {m: split.inputs[m] for m in modalities}
        tensors = {m: FromFiles(x) if isinstance(x, Stored) else torch.from_numpy(x) for m, x in arrays.items()}
        return cls(tensors, torch.from_numpy(split.labels))

    def batches(self) -> Batches:
        """Return all rows, in batches that are made when they are asked for."""
        return Batches(self)

    def rows(self, index: Tensor | slice) -> tuple[dict[str, Tensor], Tensor]:
        """Return inputs and labels of some rows."""
        return {m: x[index] for m, x in self.inputs.items()}, self.labels[index]


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
    features: dict[str, Tensor]
    labels: Tensor

    @property
    def accuracy(self) -> float:
        """The share of samples whose largest logit is the label's."""
        return _share(self.logits.argmax(1), self.labels)


@torch.no_grad()
def encode(model: LateFusion, samples: Samples, objective: Objective | None = None) -> Outputs:
    """Run a split through the model in eval mode; the mode is put back. The objective may answer in the fusion's place."""
    was_training = model.training
    model.eval()
    parts = [model(inputs) for inputs, _ in samples.batches()]
    model.train(was_training)
    features = {m: torch.cat([f[m] for _, f in parts]) for m in model.encoders}
    logits = torch.cat([logits for logits, _ in parts])
    return Outputs(objective.predict(logits, features) if objective else logits, features, samples.labels)


def fit_probes(outputs: Outputs) -> dict[str, LinearProbe]:
    """Fit the offline probe of each modality, and of all features together (`joint`), on the training split's features."""
    joint = torch.cat(list(outputs.features.values()), 1)
    return {m: fit_probe(x, outputs.labels) for m, x in [*outputs.features.items(), ("joint", joint)]}


def scores(outputs: Outputs, probes: Mapping[str, LinearProbe], online: Probe) -> dict[str, Any]:
    """Return one split's part of an epoch record."""
    labels, predicted = outputs.labels, outputs.logits.argmax(1)
    offline = {m: probes[m].accuracy(x, labels) for m, x in outputs.features.items()}
    found = {
        "accuracy": outputs.accuracy,
        "f1_macro": float(f1_score(labels.numpy(), predicted.numpy(), average="macro", zero_division=0)),
        "loss": cross_entropy(outputs.logits, labels).item(),
        "probe_acc": offline,
        "probe_acc_joint": probes["joint"].accuracy(torch.cat(list(outputs.features.values()), 1), labels),
        "probe_online_acc": {m: _share(online.predict(m, x).argmax(1), labels) for m, x in outputs.features.items()},
    }
    return found | ({"utilization_gap": max(offline.values()) - min(offline.values())} if len(offline) > 1 else {})


def _share(predicted: Tensor, labels: Tensor) -> float:
    return (predicted == labels).double().mean().item()


def predictions(model: LateFusion, objective: Objective, outputs: Outputs) -> dict[str, Tensor]:
    """Return the logits worth keeping: fused, and per modality its own head's, or else those with all other features zero."""
    own = next((part for part in objective.modules() if isinstance(part, Unimodal)), None)
    with torch.no_grad():
        if own:
            unimodal = {f"own_head_logits_{m}": head(outputs.features[m]) for m, head in own.heads.items()}
        else:
            unimodal = {f"zero_feature_logits_{m}": model.zero_feature_logits(outputs.features, m) for m in outputs.features}
    return {"logits": outputs.logits, **unimodal}
