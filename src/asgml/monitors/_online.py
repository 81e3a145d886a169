"""Linear probes that learn along: one gradient step per batch, from sums over rows that may be added up over ranks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from asgml._states import Saved
from asgml._step import Step
from asgml.monitors._average import check_decay
from asgml.monitors._base import Monitor, check_every
from asgml.monitors._features import Moments, pooled

Memory = dict[str, Tensor]
KEPT = 0.97
SUMS = ("rows", "sum", "square", "weight", "bias", "length")


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a probe makes of a step's features: pooled (B, D), standardised (B, D), logits (B, outputs)."""

    x: Tensor
    z: Tensor
    logits: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """The sums over a step's rows, and how many of them the probe takes (`Monitor.admits`)."""

    step: Step
    sums: Memory
    admitted: Tensor


class OnlineLinear(Monitor):
    """A linear classifier per modality on features standardised by running statistics; its subclasses say of what kind.

    Weights start at zero. A batch moves them by one gradient step of rate 2 `lr` over its summed squared lengths of rows: no
    curvature of a softmax or logistic loss is larger, so at `lr` 1 a step does not overshoot. They keep 97 % from batch to
    batch, so that what an encoder's older features taught fades.
    """

    lr: float
    decay: float
    _memory: dict[str, Memory]
    _looks: dict[str, Told]

    @property
    @abstractmethod
    def outputs(self) -> int:
        """Columns of the logits."""

    @abstractmethod
    def targets(self, step: Step, modality: str) -> Any:
        """Return the targets of the rows, `Labels` or `Numbers`, or say what is wrong with them."""

    @abstractmethod
    def error(self, logits: Tensor, targets: Any) -> Tensor:
        """Return the gradient (B, outputs) of the summed loss with respect to the logits; zeros in rows that are left out."""

    @abstractmethod
    def counts(self, modality: str, logits: Tensor, targets: Any) -> Memory:
        """Return what is counted of a batch before it is learnt from: name -> sum over its rows."""

    @abstractmethod
    def reading(self, averages: Memory) -> Tensor:
        """Return the reading, 0-dim, from the averages of the counts per row."""

    def check(self) -> None:
        """Refuse settings that cannot be."""
        check_every(self.every)
        check_decay(self.decay)

    def measure(self, step: Step) -> Mapping[str, Tensor]:
        """Return modality -> reading with this batch included, 0-dim."""
        found = {}
        for modality in [m for m, features in step.features.items() if len(features)]:
            sums = self._told(step, modality).sums
            counts = {key: sums[key] / sums["rows"] for key in sums if key not in SUMS}
            found[modality] = self.reading(self._averaged(modality, counts))
        return found

    def admits(self, step: Step) -> Mapping[str, Tensor]:
        """Return modality -> rows with a target; nan where features or targets are not finite."""
        return {m: self._told(step, m).admitted for m in step.features}

    def evidence(self, step: Step) -> Mapping[str, Tensor]:
        """Return, per modality, the sums over rows that one gradient step needs."""
        return {f"{m}.{key}": value for m in step.features for key, value in self._told(step, m).sums.items()}

    def learn(self, step: Step, sums: Mapping[str, Tensor]) -> None:
        """Take one gradient step per modality, and move the averages."""
        self._looks.clear()
        for modality in dict.fromkeys(key.rpartition(".")[0] for key in sums):
            of = {key.rpartition(".")[2]: value for key, value in sums.items() if key.rpartition(".")[0] == modality}
            rows = of["rows"].clamp_min(1)
            memory = self._of(modality, of["sum"][None])
            values = {"mean": of["sum"] / rows, "square": of["square"] / rows, "mass": torch.ones_like(rows)}
            values |= {key: of[key] / rows for key in of if key not in SUMS}
            averages = {key: self._moved(memory.get(key, torch.zeros_like(value)), value) for key, value in values.items()}
            self._memory[modality] = self._stepped(memory, of, rows) | averages

    def _stepped(self, memory: Memory, of: Memory, rows: Tensor) -> Memory:
        rate = 2 * self.lr / (rows + of["length"]) * (memory["mass"] > 0)  # the first batch gives the statistics alone
        return {"weight": KEPT * memory["weight"] - rate * of["weight"], "bias": memory["bias"] - rate * of["bias"]}

    def predict(self, modality: str, features: Tensor) -> Tensor:
        """Return logits (B, outputs) for features (B, ...); zeros before anything was learnt."""
        return self._look(modality, features).logits

    def state_dict(self) -> dict[str, Any]:
        """Return modality -> weights, running statistics and averages."""
        return {m: dict(memory) for m, memory in self._memory.items()}

    def counted(self) -> Mapping[str, Sequence[int]]:
        """Return the names and shapes of what `counts` returns, where a saved state is to be checked for them."""
        return {}

    def check_state(self, saved: Saved) -> None:
        """Refuse tensors of other sizes than a classifier of so many outputs has."""
        for _, memory in saved.modalities():
            fresh = self._fresh(torch.empty(1, memory.width("mean", 0), device="meta"))
            memory.tensors({**{name: t.shape for name, t in fresh.items()}, **self.counted()})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a copy of what `state_dict` returned."""
        self._looks.clear()
        self._memory = {m: {name: t.clone() for name, t in memory.items()} for m, memory in state.items()}

    def _look(self, modality: str, features: Tensor) -> Seen:
        x = pooled(features)
        memory = self._of(modality, x)
        z = Moments.of(memory).standardised(x)
        return Seen(x, z, torch.addmm(memory["bias"], z, memory["weight"]))

    def _told(self, step: Step, modality: str) -> Told:
        """Look once at a step, for `measure`, `admits` and `evidence`."""
        if modality not in self._looks or self._looks[modality].step is not step:
            self._looks[modality] = self._summed(step, modality)
        return self._looks[modality]

    def _summed(self, step: Step, modality: str) -> Told:
        seen, y = self._look(modality, step.features[modality]), self.targets(step, modality)
        x, z, error = y.only(seen.x), y.only(seen.z), self.error(seen.logits, y)
        values = (y.rows, x.sum(0), x.square().sum(0), z.T @ error, error.sum(0), z.square().sum())
        sums = dict(zip(SUMS, values, strict=True)) | self.counts(modality, seen.logits, y)
        spoilt = 0 * (sums["square"].sum() + sums["bias"].sum())  # nan where a feature or target is not finite, else 0
        return Told(step, sums, y.admitted() + spoilt)

    def _of(self, modality: str, x: Tensor) -> Memory:
        """Return a modality's memory on the device of x: a checkpoint may have been read to another one."""
        memory = self._memory.get(modality)
        if memory is not None and memory["mass"].device != x.device:
            memory = self._memory[modality] = {key: t.to(x.device) for key, t in memory.items()}
        return memory or self._fresh(x)

    def _fresh(self, x: Tensor) -> Memory:
        zero, width = x.new_zeros, x.shape[1]
        return {"weight": zero(width, self.outputs), "bias": zero(self.outputs), "mean": zero(width),
                "square": zero(width), "mass": zero(())}  # fmt: skip

    def _averaged(self, modality: str, now: Memory) -> Memory:
        memory = self._memory.get(modality)
        if memory is None:
            return now
        mass = self._moved(memory["mass"], torch.ones_like(memory["mass"]))
        return {key: self._moved(memory[key], value) / mass for key, value in now.items()}

    def _moved(self, average: Tensor, value: Tensor) -> Tensor:
        return average.mul(self.decay).add_(value, alpha=1 - self.decay)
