"""The examination of a trained model, from its loaders to a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from asgml._balancer import COUNTED, Balancer
from asgml._checks import parameters_of
from asgml.diagnosis._aside import examined
from asgml.diagnosis._bootstrap import Estimate, cluster_numbers
from asgml.diagnosis._diagnosis import DIFFERENCES, Diagnosis, Verdict
from asgml.diagnosis._gradients import gradient_shares
from asgml.diagnosis._held_out import HeldOut, Solo
from asgml.diagnosis._measure import MOST, Draws, Measured, measure, train_features
from asgml.diagnosis._rules import FROZEN, decide
from asgml.diagnosis._subject import Extract, Forward, Subject, plain_forward

BATCHES = 8
"""Training batches whose gradients are taken."""
FEW = 100
"""Updates below which a model has hardly begun to learn: nothing it does tells of its modalities."""


def diagnose(
    model: nn.Module,
    encoders: Mapping[str, nn.Module],
    train_loader: Iterable[Any],
    val_loader: Iterable[Any],
    *,
    forward: Forward | None = None,
    features: Mapping[str, Extract] | None = None,
    groups: Iterable[Any] | None = None,
    solo: Mapping[str, Solo] | None = None,
    balancer: Balancer | None = None,
    permutations: int = 5,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Diagnosis:
    """Find out which modality of a trained classifier was left behind, is ignored, is poor in information, or memorises.

    Linear probes are fitted on training features; all else is measured on held-out samples, with 95 % intervals by a
    bootstrap over samples, or over whole groups. What a modality contributes is the accuracy lost when its encoder's output is
    swapped between samples (`permuting`: Gat et al., NeurIPS 2021, without their normalisation), or made zero (`zeroing`: the
    feature, not the input), and its exact Shapley value over zeroed coalitions, up to 4 modalities. Verdicts follow
    stated rules (`docs/diagnosis.md` says how often they are right). The model runs in eval mode and is left as it was:
    weights, gradients, modes, BatchNorm statistics, random numbers.

    Args:
        model: called with a batch's inputs; returns logits (B, C), or an object with `.logits`.
        encoders: modality -> the module of the model whose output is its feature, called once in a forward.
        train_loader: batches (inputs, targets (B,)) that the model was trained on, without augmentation.
        val_loader: batches that it was not trained on; they are kept in memory.
        forward: (model, batch) -> (logits (B, C), targets (B,)), for other batches or outputs than these.
        features: modality -> a function that takes the feature tensor out of an encoder's output, where that is no tensor.
        groups: the group of every held-out sample, in the loader's order: groups are resampled whole.
        solo: modality -> a unimodal reference: its accuracy on the held-out samples (0-1), its predictions or logits for
            them, in the loader's order, or the model, which `forward` then runs.
        balancer: the one that stood in the loop, for the updates that every modality really took.
        permutations: how often a modality is permuted.
        bootstrap: resamples; 0 gives no interval.
        seed: draws permutations and resamples.

    Raises:
        ValueError, TypeError: for batches, outputs or references that do not fit, each with its words.

    >>> import torch
    >>> import asgml
    >>> class Net(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.audio, self.visual = torch.nn.Identity(), torch.nn.Identity()
    ...     def forward(self, inputs):
    ...         return self.audio(inputs["audio"]) + 0 * self.visual(inputs["visual"])
    >>> labels = torch.arange(60) % 3
    >>> batch = ({"audio": torch.eye(3)[labels], "visual": torch.eye(3)[labels]}, labels)
    >>> net = Net()
    >>> found = asgml.diagnose(net, {"audio": net.audio, "visual": net.visual}, [batch], [batch])
    >>> {modality: verdict.kind for modality, verdict in found.verdicts.items()}
    {'audio': 'balanced', 'visual': 'ignored'}
    """
    subject = _subject(model, encoders, forward, features or {})
    _check(subject, solo or {}, permutations, bootstrap)
    generator = torch.Generator().manual_seed(seed)
    references = [reference for reference in (solo or {}).values() if isinstance(reference, nn.Module)]
    with examined([subject.model, *references]):
        with torch.no_grad():
            train = train_features(subject, train_loader)
            held = HeldOut.read(subject, val_loader)
            clusters = cluster_numbers(groups, len(held.targets))
            measured = measure(held, train, solo or {}, clusters, (permutations, bootstrap), generator)
        gradients = gradient_shares(subject, islice(train_loader, BATCHES))
    shares = dict(zip(("gradient_share", "conflict_share"), gradients, strict=True)) | _updates(balancer)
    notes, cautions = _notes(subject, solo or {}, balancer), _cautions(measured, balancer)
    return _concluded(measured, shares, len(held.targets), int(clusters.max()) + 1, notes, cautions)


def _subject(model: nn.Module, encoders: Mapping[str, nn.Module], forward: Forward | None, features: Any) -> Subject:
    for m, encoder in encoders.items():
        if not isinstance(encoder, nn.Module):
            raise TypeError(f"`encoders[{m!r}]` must be an nn.Module of the model, found {type(encoder).__name__}")
    parameters_of(encoders, model)
    if unknown := sorted(set(features) - set(encoders)):
        raise ValueError(f"`features` names {unknown}; the modalities are {sorted(encoders)}")
    return Subject(getattr(model, "_orig_mod", model), dict(encoders), forward or plain_forward, dict(features))


def _check(subject: Subject, solo: Mapping[str, Solo], permutations: int, bootstrap: int) -> None:
    if unknown := sorted(set(solo) - set(subject.encoders)):
        raise ValueError(f"`solo` names {unknown}; the modalities are {sorted(subject.encoders)}")
    if permutations < 1 or bootstrap < 0:
        raise ValueError(f"`permutations` must be 1 or more and `bootstrap` 0 or more, found {permutations} and {bootstrap}")


def _updates(balancer: Balancer | None) -> dict[str, dict[str, float]]:
    """Return, for each of updated, skipped and held, modality -> share of the updates that saw it."""
    if balancer is None:
        return {}
    totals = {m: sum(counts.values()) for m, counts in balancer.tally.items()}
    return {f"{kind}_share": {m: balancer.tally[m][kind] / n for m, n in totals.items() if n} for kind in COUNTED}


def _notes(subject: Subject, solo: Mapping[str, Solo], balancer: Balancer | None) -> tuple[str, ...]:
    notes = []
    if missing := [m for m in subject.encoders if m not in solo]:
        notes.append(f"no unimodal reference for {', '.join(missing)}: left behind and poor in information look alike there")
    if len(subject.encoders) > MOST:
        notes.append(f"Shapley values are exact up to {MOST} modalities, here are {len(subject.encoders)}: left out")
    if balancer is None:
        notes.append("no balancer was given: updates taken are not known")
    return tuple(notes)


def _cautions(measured: Measured, balancer: Balancer | None) -> tuple[str, ...]:
    """Say why it is too early for a verdict: few updates, or a fusion that does far worse than a probe of one encoder."""
    found = []
    if balancer is not None and 0 < balancer.index < FEW:
        found.append(f"the model made {balancer.index} updates in all, too few for a verdict: train it for longer")
    accuracy = measured.whole["accuracy"][0].item()
    best = max(draws["probe"][0].item() for draws in measured.each.values())
    if best - accuracy > FROZEN.worse:
        found.append(f"the model is right in {100 * accuracy:.1f} %, a probe of one encoder in {100 * best:.1f} %: the fusion "
                     "has not learnt to use what its encoders know, so train it for longer")  # fmt: skip
    return tuple(found)


def _concluded(
    measured: Measured,
    shares: Mapping[str, Mapping[str, float]],
    samples: int,
    clusters: int,
    notes: tuple[str, ...],
    cautions: tuple[str, ...],
) -> Diagnosis:
    best = _best(measured)
    each = {m: {n: Estimate.of(draws) for n, draws in found.items()} for m, found in measured.each.items()}
    for name, found in shares.items():
        for m in found.keys() & each.keys():
            each[m][name] = Estimate(found[m])
    verdicts = {m: _verdict(m, {**measured.whole, **best, **found}, measured) for m, found in measured.each.items()}
    whole = {name: Estimate.of(draws) for name, draws in measured.whole.items()}
    return Diagnosis(each, whole, measured.right, verdicts, samples, clusters, notes, cautions)


def _best(measured: Measured) -> Draws:
    """Return the best probe and the best reference there is, resample by resample."""
    found = {name: [draws[name] for draws in measured.each.values() if name in draws] for name in ("probe", "solo")}
    return {f"best_{name}": torch.stack(draws).amax(0) for name, draws in found.items() if draws}


def _verdict(modality: str, facts: Draws, measured: Measured) -> Verdict:
    rule, sure = decide(facts)
    others: Sequence[str] = [m for m in measured.each if m != modality] or [modality]
    leader = max(others, key=lambda m: measured.each[m]["probe"][0].item())
    words = {name: _number(name, draws) for name, draws in facts.items()}
    words = {"shapley": "not known", **words, "modality": modality, "leader": leader}
    return Verdict(rule.verdict, sure, rule.says.format(**words), rule.advice.format(**words))


def _number(name: str, draws: Tensor) -> str:
    value = 100 * draws[0].item()
    return f"{value:.1f} points" if name in DIFFERENCES else f"{value:.1f} %"
