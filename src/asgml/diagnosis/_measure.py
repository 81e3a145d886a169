"""All the numbers of a diagnosis: first sample by sample, then with what resampling the samples makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor

from asgml._fit_probe import fit_probe
from asgml.diagnosis._bootstrap import resampled_means
from asgml.diagnosis._held_out import HeldOut, Solo
from asgml.diagnosis._shapley import coalitions, shapley
from asgml.diagnosis._subject import Subject

MOST = 4
"""Modalities for which every coalition is run: 2 to the power of this."""
Draws = dict[str, Tensor]
"""Name -> (1 + R,): the number, and its value in R resamples."""


@dataclass(frozen=True)
class Measured:
    """What was found, modality by modality and of the whole; every entry a share 0-1."""

    each: Mapping[str, Draws]
    whole: Draws
    right: Mapping[str, float]
    """Which modalities' probes are right together -> share of samples: `audio`, `audio+visual`, `none`."""


def train_features(subject: Subject, loader: Iterable[Any]) -> tuple[dict[str, Tensor], Tensor]:
    """Return modality -> (N, D) and targets (N,) of the training samples, on the CPU."""
    features: dict[str, list[Tensor]] = {m: [] for m in subject.encoders}
    labels: list[Tensor] = []
    for batch in loader:
        _, targets, outputs = subject.watch(batch)
        labels.append(targets.cpu())
        for m, output in outputs.items():
            features[m].append(subject.feature(m, output))
    if not labels:
        raise ValueError("`train_loader` must hold at least one batch, found none")
    return {m: torch.cat(found) for m, found in features.items()}, torch.cat(labels)


def measure(
    held: HeldOut,
    train: tuple[Mapping[str, Tensor], Tensor],
    solo: Mapping[str, Solo],
    clusters: Tensor,
    times: tuple[int, int],
    generator: torch.Generator,
) -> Measured:
    """Measure everything that held-out samples tell; `times` is how many permutations and how many resamples."""
    probes = {m: fit_probe(x, train[1]) for m, x in train[0].items()}
    right = {m: (probes[m].predict(x) == held.targets).double() for m, x in held.features.items()}
    columns: dict[tuple[str, str | frozenset[str]], Tensor] = {("probe", m): column for m, column in right.items()}
    columns |= {("solo", m): held.right_alone(m, reference) for m, reference in solo.items()}
    columns |= {("permuted", m): held.right_permuted(m, times[0], generator) for m in right}
    columns |= {("of", s): held.right_of(s) for s in _subsets(list(right))}
    columns |= {("accuracy", ""): held.right, ("chance", ""): _commonest(held.targets)}
    columns |= {("union", ""): torch.stack(list(right.values())).amax(0)}
    means = resampled_means(torch.stack(list(columns.values()), 1), clusters, times[1], generator)
    found = dict(zip(columns, means.T, strict=True))
    learnt = {m: probe.accuracy(train[0][m], train[1]) for m, probe in probes.items()}
    return Measured(_each(found, learnt), {name: found[name, ""] for name in ("accuracy", "chance", "union")}, _patterns(right))


def _subsets(modalities: list[str]) -> list[frozenset[str]]:
    if len(modalities) <= MOST:
        return list(coalitions(modalities))
    return [s for m in modalities for s in (frozenset({m}), frozenset(modalities) - {m})]


def _commonest(targets: Tensor) -> Tensor:
    return (targets == targets.mode().values).double()


def _each(found: Mapping[Any, Tensor], learnt: Mapping[str, float]) -> dict[str, Draws]:
    values = {s: draws for (kind, s), draws in found.items() if kind == "of"}
    shares = shapley(values) if len(learnt) <= MOST else {}
    everyone, accuracy = frozenset(learnt), found["accuracy", ""]
    each: dict[str, Draws] = {}
    for m, on_training in learnt.items():
        probe = found["probe", m]
        own = {"solo": found["solo", m], "left_behind": found["solo", m] - probe} if ("solo", m) in found else {}
        own |= {"probe": probe, "memorised": on_training - probe}
        own |= {"permuting": accuracy - found["permuted", m], "zeroing": accuracy - values[everyone - {m}]}
        own |= {"shapley": shares[m]} if shares else {}
        each[m] = {**own, "only": values[frozenset({m})]}
    return each


def _patterns(right: Mapping[str, Tensor]) -> dict[str, float]:
    said = torch.stack([column.bool() for column in right.values()], 1)
    shares: dict[str, float] = {}
    for pattern in product([True, False], repeat=len(right)):
        names = "+".join(m for m, yes in zip(right, pattern, strict=True) if yes) or "none"
        shares[names] = (said == torch.tensor(pattern)).all(1).double().mean().item()
    return shares
