"""How much each encoder's feature tells where the targets are numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from asgml._ranks import wide
from asgml._states import Saved
from asgml._step import Step
from asgml.monitors._average import check_decay
from asgml.monitors._base import Monitor, check_every
from asgml.monitors._features import matrix_of, pooled

Memory = dict[str, Tensor]
FLOOR = -1.0


@dataclass
class RidgeProbe(Monitor):
    """R^2 (at most 1; 0 is no better than the running mean) of a ridge regression that learns along on each modality.

    Features and targets enter exponential sums of their moments, in which a row's weight falls by `decay` an update; after
    each update the regression of exactly these weighted rows is solved in closed form: features standardised, penalty
    `alpha` ||W||^2 beside the summed squared errors, bias free. Every batch is scored before it is learnt from; R^2 is 1 -
    residuals / deviations from the running mean, from exponential sums of both over all batches but the first, averaged
    over outputs, and no output counts below -1. The first reading is 0.

    Features are pooled as in `Probe`. Needs float `targets` (B,) or (B, outputs). With D columns it solves a D x D system and
    keeps (and under torch.distributed sums up) D x D numbers a modality, in float64 where the device has it: set `every` for
    wide features. Skipped modalities are measured too.

    >>> from asgml.monitors import RidgeProbe
    >>> RidgeProbe(outputs=1)
    RidgeProbe(outputs=1, alpha=1.0, decay=0.9, every=1, name='ridge_probe')
    """

    outputs: int = 1
    alpha: float = 1.0
    decay: float = 0.9
    every: int = 1
    name: str = "ridge_probe"
    _memory: dict[str, Memory] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_every(self.every)
        check_decay(self.decay)
        if self.outputs < 1:
            raise ValueError(f"`outputs` must be at least 1, found {self.outputs}")
        if not self.alpha > 0:
            raise ValueError(f"`alpha` must be above 0, found {self.alpha}")

    def measure(self, step: Step) -> Mapping[str, Tensor]:
        """Return modality -> R^2 with this batch included, 0-dim."""
        found = {}
        for modality in [m for m, x in step.features.items() if len(x)]:
            x, y = self._rows(step, modality)
            memory = self._memory.get(modality) or self._fresh(x)
            now = self._scored(memory, x, y)
            total, residual = (self.decay * memory[key] + now[key] for key in ("total", "residual"))
            explained = 1 - residual / torch.where(total > 0, total, 1)
            found[modality] = torch.where(total > 0, explained, 0).clamp_min(FLOOR).mean()
        return found

    def admits(self, step: Step) -> Mapping[str, Tensor]:
        """Return modality -> its rows; nan where features or targets are not finite."""
        found = {}
        for modality in step.features:
            x, y = self._rows(step, modality)
            found[modality] = len(x) + 0 * (x.square().sum() + y.square().sum())
        return found

    def evidence(self, step: Step) -> Mapping[str, Tensor]:
        """Return, per modality, the sums over rows of x, y, their products, and how well the rows were foretold."""
        found: dict[str, Tensor] = {}
        for modality in step.features:
            x, y = self._rows(step, modality)
            memory = self._memory.get(modality) or self._fresh(x)
            sums = {"rows": x.new_tensor(len(x)), "x": x.sum(0), "y": y.sum(0), "xx": x.T @ x, "xy": x.T @ y}
            found |= {f"{modality}.{key}": value for key, value in (sums | self._scored(memory, x, y)).items()}
        return found

    def learn(self, step: Step, sums: Mapping[str, Tensor]) -> None:
        """Move the moments, and solve."""
        for modality in dict.fromkeys(key.rpartition(".")[0] for key in sums):
            of = {key.rpartition(".")[2]: value for key, value in sums.items() if key.rpartition(".")[0] == modality}
            memory = self._memory.get(modality) or self._fresh(of["x"][None])
            moments = {key: self.decay * memory[key] + value for key, value in of.items()}
            self._memory[modality] = moments | solved(moments, self.alpha)

    def predict(self, modality: str, features: Tensor) -> Tensor:
        """Return predictions (B, outputs) for features (B, ...); zeros before anything was learnt."""
        x = wide(pooled(features))
        memory = self._memory.get(modality) or self._fresh(x)
        return x @ memory["weight"] + memory["bias"]

    def _rows(self, step: Step, modality: str) -> tuple[Tensor, Tensor]:
        return wide(pooled(step.features[modality])), wide(matrix_of(step, modality, self.name, self.outputs))

    def _scored(self, memory: Memory, x: Tensor, y: Tensor) -> Memory:
        known = memory["rows"] > 0
        mean = memory["y"] / memory["rows"].clamp_min(1e-12)
        errors = {"residual": y - x @ memory["weight"] - memory["bias"], "total": y - mean}
        return {key: error.square().sum(0) * known for key, error in errors.items()}

    def _fresh(self, x: Tensor) -> Memory:
        zero, width, k = x.new_zeros, x.shape[1], self.outputs
        return {"rows": zero(()), "x": zero(width), "y": zero(k), "xx": zero(width, width), "xy": zero(width, k),
                "residual": zero(k), "total": zero(k), "weight": zero(width, k), "bias": zero(k)}  # fmt: skip

    def state_dict(self) -> dict[str, Any]:
        """Return modality -> sums and weights."""
        return {m: dict(memory) for m, memory in self._memory.items()}

    def check_state(self, saved: Saved) -> None:
        """Refuse tensors of other sizes than a regression of so many outputs has."""
        for _, memory in saved.modalities():
            fresh = self._fresh(torch.empty(1, memory.width("x", 0), device="meta"))
            memory.tensors({name: t.shape for name, t in fresh.items()})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a copy of what `state_dict` returned."""
        self._memory = {m: {name: t.clone() for name, t in memory.items()} for m, memory in state.items()}


def solved(moments: Memory, alpha: float) -> Memory:
    """Return the weight (D, K) on raw features and the bias (K,) of the ridge regression that these sums belong to."""
    rows = moments["rows"].clamp_min(1e-12)
    mean, target = moments["x"] / rows, moments["y"] / rows
    scatter = moments["xx"] - rows * torch.outer(mean, mean)
    variance = scatter.diagonal() / rows
    scale = torch.where(variance > 1e-12 * (moments["xx"].diagonal() / rows), variance, torch.inf).sqrt()  # constants: 0
    system = scatter / scale[:, None] / scale + alpha * torch.eye(len(mean), dtype=mean.dtype, device=mean.device)
    factor = torch.linalg.cholesky_ex(system)[0]  # unlike `solve` it waits for no answer from the device
    weight = torch.cholesky_solve((moments["xy"] - rows * torch.outer(mean, target)) / scale[:, None], factor) / scale[:, None]
    return {"weight": weight, "bias": target - mean @ weight}
