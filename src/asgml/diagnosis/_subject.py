"""The model under examination: run with its encoders watched, or with their outputs given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from asgml.diagnosis._outputs import copied, tensors
from asgml.monitors._features import pooled

Extract = Callable[[Any], Tensor]
Forward = Callable[[nn.Module, Any], tuple[Tensor, Tensor]]
"""(model, batch) -> logits (B, C), targets (B,)."""


@dataclass(frozen=True)
class Subject:
    """A model, its encoders, and how a batch goes through it."""

    model: nn.Module
    encoders: Mapping[str, nn.Module]
    forward: Forward
    features: Mapping[str, Extract]

    def watch(self, batch: Any) -> tuple[Tensor, Tensor, dict[str, Any]]:
        """Return logits, targets, and what every encoder returned."""
        seen: dict[str, Any] = {}
        with ExitStack() as hooks:
            for m, encoder in self.encoders.items():
                hooks.callback(encoder.register_forward_hook(_keep(seen, m)).remove)
            logits, targets = self._checked(batch)
        if silent := sorted(set(self.encoders) - set(seen)):
            raise ValueError(
                f"`encoders`: {silent} were never called while the model ran: give the very modules that its forward calls, "
                "and the model as it was before torch.compile"
            )
        for m, output in seen.items():
            if not tensors(output, len(targets)):
                raise ValueError(f"encoder {m!r} must return a tensor (B, ...) with a row per target, here {len(targets)}")
        return logits, targets, seen

    def given(self, batch: Any, outputs: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
        """Return logits and targets where these encoders are not run, but return what is given."""
        with ExitStack() as stack:
            asked = [stack.enter_context(_returning(self.encoders[m], output)) for m, output in outputs.items()]
            found = self._checked(batch)
        if not all(asked):
            raise RuntimeError("an encoder's output could not be replaced: give the model as it was before torch.compile")
        return found

    def feature(self, modality: str, output: Any) -> Tensor:
        """Return the feature (B, D) float32 in an encoder's output: longer ones averaged over what is neither B nor D."""
        feature = self.features[modality](output) if modality in self.features else output
        if not isinstance(feature, Tensor):
            raise TypeError(
                f"the feature of encoder {modality!r} must be a tensor, found {type(feature).__name__}: say which tensor "
                f"of its output it is, `features={{{modality!r}: lambda output: output[...]}}`"
            )
        return pooled(feature.detach()).cpu()

    def _checked(self, batch: Any) -> tuple[Tensor, Tensor]:
        found = self.forward(self.model, batch)
        if isinstance(found, tuple) and len(found) == 2:
            logits, targets = found
            fits = isinstance(logits, Tensor) and isinstance(targets, Tensor) and logits.ndim == 2
            if fits and targets.shape == logits.shape[:1] and not targets.is_floating_point():
                return logits, _classes(targets.long(), logits.shape[1])
        raise ValueError(
            "a batch must give logits (B, C) and integer class labels (B,), found "
            f"{_words(found)}: give `forward=lambda model, batch: (logits, targets)`"
        )


def plain_forward(model: nn.Module, batch: Any) -> tuple[Tensor, Tensor]:
    """Take a batch (inputs, targets) to the model's device and call the model with the inputs."""
    if not isinstance(batch, list | tuple) or len(batch) != 2:
        raise ValueError(
            f"a batch must be (inputs, targets), found {_words(batch)}: give `forward=lambda model, batch: (logits, targets)`"
        )
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    inputs, targets = (_moved(part, device) for part in batch)
    output = model(inputs)
    return getattr(output, "logits", output), targets


def _moved(part: Any, device: torch.device) -> Any:
    if hasattr(part, "to"):
        return part.to(device)
    if isinstance(part, dict):
        return {key: _moved(value, device) for key, value in part.items()}
    if isinstance(part, tuple) and hasattr(part, "_fields"):
        return type(part)(*(_moved(value, device) for value in part))
    if isinstance(part, list | tuple):
        return type(part)(_moved(value, device) for value in part)
    return part


def _keep(seen: dict[str, Any], modality: str) -> Callable[..., None]:
    def hook(encoder: nn.Module, args: Any, output: Any) -> None:
        if modality in seen:
            raise ValueError(
                f"encoder {modality!r} is called more than once in a forward: give the module around it, whose one output "
                "is the modality's feature"
            )
        seen[modality] = copied(output)  # the model may change it in place, `ReLU(inplace=True)`

    return hook


@contextmanager
def _returning(encoder: nn.Module, output: Any) -> Iterator[list[bool]]:
    """Let an encoder return `output` without running; the list holds something once it was asked."""
    asked: list[bool] = []
    own = vars(encoder).get("forward")

    def forward(*args: Any, **kwargs: Any) -> Any:
        asked.append(True)
        return copied(output)

    encoder.forward = forward
    try:
        yield asked
    finally:
        del encoder.forward
        if own is not None:
            encoder.forward = own


def _classes(targets: Tensor, classes: int) -> Tensor:
    if strange := sorted(set(targets[(targets < 0) | (targets >= classes)].tolist())):
        raise ValueError(
            f"a batch's labels must be 0 to {classes - 1}, as many classes as its logits have, found "
            f"{', '.join(map(str, strange[:5]))}: count classes from 0, and leave out samples without a label"
        )
    return targets


def _words(found: Any) -> str:
    if isinstance(found, Tensor):
        return f"a tensor of shape {tuple(found.shape)}, {found.dtype}"
    if isinstance(found, list | tuple):
        return f"({', '.join(map(_words, found))})"
    return type(found).__name__
