"""Who gets the gradient now, and whether it pulls the way a modality would go alone: a few training batches, no step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from asgml._ranks import real
from asgml.diagnosis._outputs import zeroed
from asgml.diagnosis._subject import Subject
from asgml.monitors._conflict import cosine

Gradients = tuple[Tensor | None, ...]


def gradient_shares(subject: Subject, batches: Iterable[Any]) -> tuple[dict[str, float], dict[str, float]]:
    """Return modality -> share of the encoders' gradient norms, and modality -> share of batches in conflict.

    Gradients of the cross-entropy, in eval mode, with no `.grad` touched; norms are summed over batches. In conflict: the
    cosine between an encoder's gradient of the fused loss and that of the loss when all other features are zero is below 0.
    Encoders without a parameter to train are left out.
    """
    params = {m: [p for p in e.parameters() if p.requires_grad] for m, e in subject.encoders.items()}
    params = {m: found for m, found in params.items() if found}
    norms, conflicts, count = dict.fromkeys(params, 0.0), dict.fromkeys(params, 0), 0
    for batch in batches if params else ():
        count += 1
        fused = _fused(subject, batch, params)
        for m, alone in _alone(subject, batch, params).items():
            norms[m] += _norm(fused[m])
            conflicts[m] += bool(cosine(fused[m], alone) < 0)
    total = sum(norms.values())
    shares = {m: n / total for m, n in norms.items()} if total else {}
    return shares, {m: n / count for m, n in conflicts.items()} if count else {}


def _fused(subject: Subject, batch: Any, params: Mapping[str, list[nn.Parameter]]) -> dict[str, Gradients]:
    with torch.enable_grad():
        logits, targets = subject.forward(subject.model, batch)
        every = [p for found in params.values() for p in found]
        gradients = iter(torch.autograd.grad(cross_entropy(logits, targets.long()), every, allow_unused=True))
    return {m: tuple(next(gradients) for _ in found) for m, found in params.items()}


def _alone(subject: Subject, batch: Any, params: Mapping[str, list[nn.Parameter]]) -> dict[str, Gradients]:
    with torch.no_grad():
        _, targets, outputs = subject.watch(batch)
    silent = {m: zeroed(output, len(targets)) for m, output in outputs.items()}
    found: dict[str, Gradients] = {}
    for m, own in params.items():
        with torch.enable_grad():
            logits, _ = subject.given(batch, {other: x for other, x in silent.items() if other != m})
            found[m] = torch.autograd.grad(cross_entropy(logits, targets), own, allow_unused=True)
    return found


def _norm(gradients: Gradients) -> float:
    found = [torch.linalg.vector_norm(real(g.detach()).float()) for g in gradients if g is not None]
    return torch.stack(found).norm().item() if found else 0.0
