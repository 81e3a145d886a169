"""Scores of a model on a split: everything that one epoch's record says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from sklearn.metrics import f1_score
from torch import Tensor
from torch.nn.functional import cross_entropy

from asgml import LinearProbe, fit_probe
from asgml.diagnostics import Probe
from asgml.lab.datasets._base import Split
from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.training.objectives import Objective, Unimodal

ROWS, CPU = 512, torch.device("cpu")


@dataclass(frozen=True)
class Samples:
    """A split's arrays as tensors: modality -> (N, ...), and labels (N,)."""

    inputs: Mapping[str, Tensor]
    labels: Tensor
    device: torch.device = CPU
    """Where rows go when they are asked for."""

    @classmethod
    def of(cls, split: Split, modalities: tuple[str, ...], device: torch.device = CPU) -> Samples:
        """Take the modalities of a split over."""
        return cls({m: torch.from_numpy(split.inputs[m]) for m in modalities}, torch.from_numpy(split.labels), device)

    def batches(self) -> list[tuple[dict[str, Tensor], Tensor]]:
        """Return all rows, in batches."""
        return [self.rows(slice(n, n + ROWS)) for n in range(0, len(self.labels), ROWS)]

    def rows(self, index: Tensor | slice) -> tuple[dict[str, Tensor], Tensor]:
        """Return inputs and labels of some rows."""
        return {m: x[index].to(self.device) for m, x in self.inputs.items()}, self.labels[index].to(self.device)


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
    return Outputs(objective.predict(logits, features) if objective else logits, features, samples.labels.to(samples.device))


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
        "f1_macro": float(f1_score(labels.cpu().numpy(), predicted.cpu().numpy(), average="macro", zero_division=0)),
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
    return {name: logits.cpu() for name, logits in {"logits": outputs.logits, **unimodal}.items()}
