"""Exact Shapley values of modalities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import factorial
from typing import TypeVar

from torch import Tensor

Value = TypeVar("Value", float, Tensor)


def coalitions(modalities: Sequence[str]) -> Iterator[frozenset[str]]:
    """Yield every subset, from the empty one to the whole."""
    for size in range(len(modalities) + 1):
        yield from map(frozenset, combinations(modalities, size))


def shapley(value: Mapping[frozenset[str], Value]) -> dict[str, Value]:
    """Return each player's mean marginal contribution over all orders of joining; they add up to v(all) - v(empty).

    `value` holds v of every subset. phi_m = sum over S without m of |S|! (M - |S| - 1)! / M! (v(S + m) - v(S))
    (L. Shapley, A value for n-person games, 1953).

    >>> v = {frozenset(): 0.25, frozenset("a"): 0.5, frozenset("b"): 0.25, frozenset("ab"): 1.0}
    >>> shapley(v)
    {'a': 0.5, 'b': 0.25}
    """
    players = sorted(frozenset().union(*value))
    return {m: _of(m, value, len(players)) for m in players}


def _of(player: str, value: Mapping[frozenset[str], Value], players: int) -> Value:
    without = [s for s in value if player not in s]
    weights = [factorial(len(s)) * factorial(players - len(s) - 1) / factorial(players) for s in without]
    terms = [(value[s | {player}] - value[s]) * w for s, w in zip(without, weights, strict=True)]
    return sum(terms[1:], terms[0])
