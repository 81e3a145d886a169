"""Where the Balancer touches a model: one forward hook per encoder, and what may not be attached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from asgml.diagnostics import Diagnostic
from asgml.interventions import Intervention


class Taps:
    """Forward hooks: keep every encoder's output, detached, and hand on a detached one where the encoder is to be skipped."""

    def __init__(self, encoders: Mapping[str, nn.Module]):
        self.cut: frozenset[str] = frozenset()
        self.fired: set[str] = set()
        self._features: dict[str, list[Tensor]] = {m: [] for m in encoders}
        self._handles = [e.register_forward_hook(partial(self._at_boundary, m)) for m, e in encoders.items()]

    def _at_boundary(self, modality: str, encoder: nn.Module, args: Any, output: Any) -> Tensor | None:
        if not (encoder.training and torch.is_grad_enabled()):
            return None
        if not isinstance(output, Tensor):
            raise TypeError(
                f"encoder {modality!r} must return a tensor, its feature; it returned {type(output).__name__}: "
                "pass the submodule whose output is the feature"
            )
        detached = output.detach()
        self.fired.add(modality)
        self._features[modality].append(detached)
        return detached if modality in self.cut else None  # nothing behind a detached output runs backward

    def take(self) -> dict[str, Tensor]:
        """Return modality -> outputs since the last call, micro-batches concatenated, and forget them."""
        taken = {m: kept[0] if len(kept) == 1 else torch.cat(kept) for m, kept in self._features.items() if kept}
        for kept in self._features.values():
            kept.clear()
        return taken

    def remove(self) -> None:
        """Take the hooks off."""
        for handle in self._handles:
            handle.remove()


def disjoint_parameters(encoders: Mapping[str, nn.Module]) -> dict[str, dict[str, nn.Parameter]]:
    """Return modality -> name -> parameter, and refuse encoders that share one."""
    if not encoders:
        raise ValueError("`encoders` must name at least one modality, found none")
    found: dict[str, dict[str, nn.Parameter]] = {}
    owner: dict[nn.Parameter, tuple[str, str]] = {}
    for modality, encoder in encoders.items():
        if not isinstance(encoder, nn.Module):
            raise TypeError(f"`encoders[{modality!r}]` must be an nn.Module of the model, found {type(encoder).__name__}")
        found[modality] = dict(encoder.named_parameters())
        for name, parameter in found[modality].items():
            other, its_name = owner.setdefault(parameter, (modality, name))
            if other != modality:
                raise ValueError(
                    f"encoders {other!r} ({its_name!r}) and {modality!r} ({name!r}) share a parameter: they must be "
                    "disjoint; leave the shared module out of both"
                )
    return found


def check_parts(modalities: Iterable[str], measure: Sequence[Diagnostic], act: Sequence[Intervention]) -> None:
    """Refuse a pipeline that cannot work, before it trains."""
    _check_types(measure, act)
    names = [d.name for d in measure]
    if twice := sorted({n for n in names if names.count(n) > 1}):
        raise ValueError(f"`measure`: two diagnostics of one name {twice}; give one of them another `name`")
    known = sorted(modalities)
    for kind in {type(part) for part in act if part.exclusive}:
        if sum(type(part) is kind for part in act) > 1:
            raise ValueError(
                f"`act`: two {kind.__name__}, which must be one: give one {kind.__name__} all the modalities, or join "
                "recipes with +"
            )
    for part in act:
        if unknown := sorted(part.modalities - set(known)):
            raise ValueError(f"`act`: {part!r} acts on {unknown}; the modalities are {known}")
        if missing := sorted(part.reads - set(names)):
            raise ValueError(
                f"`act`: {part!r} reads {missing}, which nobody measures; add a diagnostic of that name to "
                f"`measure` (have: {sorted(names)})"
            )


def _check_types(measure: Sequence[Diagnostic], act: Sequence[Intervention]) -> None:
    for argument, parts, kind in (("measure", measure, Diagnostic), ("act", act, Intervention)):
        for part in parts:
            if not isinstance(part, kind):
                raise TypeError(f"`{argument}` must hold {kind.__name__}s, found {part!r}")


def check_attached(params: Mapping[str, Mapping[str, nn.Parameter]], fired: set[str]) -> None:
    """Refuse an encoder that learns although its hook has never fired."""
    for modality in params.keys() - fired:
        if any(p.grad is not None for p in params[modality].values()):
            raise RuntimeError(
                f"encoder {modality!r} has gradients, but its forward was never seen: attach the Balancer before "
                "torch.compile, give it the very module that the forward calls, and keep that module in train "
                "mode while training"
            )
