"""Where the Balancer touches a model: one forward hook per encoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

Extract = Callable[[Any], Tensor]


class Taps:
    """Forward hooks: keep every encoder's output, detached, and hand on a detached one where the encoder is to be skipped.

    They are silent in eval mode (of `model`, or of the encoder itself where no model is given), under no_grad, and while
    activation checkpointing runs a forward again. Each forward of `model` is a micro-batch, and several calls of an encoder
    within it are averaged; without `model` every call is a micro-batch.
    """

    def __init__(self, encoders: Mapping[str, nn.Module], extract: Mapping[str, Extract], model: nn.Module | None):
        self.cut: frozenset[str] = frozenset()
        self.fired: set[str] = set()
        self.silent = False
        """While diagnostics run encoders themselves."""
        self._extract, self._model, self._forward = extract, model, 0
        self._kept: dict[str, list[tuple[int, Tensor]]] = {m: [] for m in encoders}
        self._handles = [e.register_forward_hook(partial(self._at_boundary, m)) for m, e in encoders.items()]
        if model is not None:
            self._handles.append(model.register_forward_pre_hook(self._mark))

    def _mark(self, model: nn.Module, args: Any) -> None:
        self._forward += 1

    def _at_boundary(self, modality: str, encoder: nn.Module, args: Any, output: Any) -> Any:
        training = encoder.training if self._model is None else self._model.training
        if self.silent or not (training and torch.is_grad_enabled()) or _runs_again():
            return None
        self.fired.add(modality)
        self._kept[modality].append((self._forward, self._feature(modality, output)))
        return detached(output) if modality in self.cut else None  # nothing behind a detached output runs backward

    def _feature(self, modality: str, output: Any) -> Tensor:
        feature = self._extract[modality](output) if modality in self._extract else output
        if not isinstance(feature, Tensor):
            raise TypeError(
                f"the feature of encoder {modality!r} must be a tensor, found {type(feature).__name__}: say which tensor of "
                f"its output it is, `features={{{modality!r}: lambda output: output[...]}}`"
            )
        return feature.detach()

    def rows(self, modality: str) -> int | None:
        """Return the number of rows of the latest feature; None where there is none."""
        kept = self._kept[modality]
        return len(kept[-1][1]) if kept and kept[-1][1].ndim else None

    def take(self) -> dict[str, Tensor]:
        """Return modality -> features since the last call, micro-batches concatenated, and forget them."""
        taken = {m: self._joined(kept) for m, kept in self._kept.items() if kept}
        for kept in self._kept.values():
            kept.clear()
        return taken

    def _joined(self, kept: list[tuple[int, Tensor]]) -> Tensor:
        if self._model is None or len(kept) == len({n for n, _ in kept}):
            return kept[0][1] if len(kept) == 1 else torch.cat([x for _, x in kept])
        forwards = dict.fromkeys(n for n, _ in kept)
        return torch.cat([torch.stack([x for n, x in kept if n == forward]).mean(0) for forward in forwards])

    def remove(self) -> None:
        """Take the hooks off."""
        for handle in self._handles:
            handle.remove()


def _runs_again() -> bool:
    """Tell whether this forward happens inside a backward pass, as activation checkpointing makes it."""
    return not torch.compiler.is_compiling() and torch._C._current_graph_task_id() != -1


def detached(output: Any) -> Any:
    """Return an encoder's output with every tensor in it detached: tensors, tuples, lists, mappings, model outputs."""
    if isinstance(output, Tensor):
        return output.detach()
    if isinstance(output, Mapping):
        return type(output)(**{key: detached(value) for key, value in output.items()})
    if isinstance(output, tuple) and hasattr(output, "_fields"):
        return type(output)(*map(detached, output))
    if isinstance(output, list | tuple):
        return type(output)(map(detached, output))
    if output is None or isinstance(output, bool | int | float | str):
        return output
    raise TypeError(
        f"an encoder that is skipped must return tensors in tuples, lists or mappings, found {type(output).__name__}: skip a "
        "submodule whose output is plainer"
    )
