"""What the ranks found against each other and against one process: nested plain Python and tensors, compared by path."""

import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import on_ddp
import torch

import toy
from table import ROWS

RELATIVE, ABSOLUTE = 1e-4, 1e-5
"""What two orders of summing float32 may differ by after eight updates."""


def assert_same(found: Any, expected: Any, what: str) -> None:
    """Compare bit for bit; the order of a mapping's keys does not matter."""
    _assert_none(_differences(found, expected, 0.0, 0.0), what)


def assert_near(found: Any, expected: Any, what: str) -> None:
    """Compare within float tolerance."""
    _assert_none(_differences(found, expected, RELATIVE, ABSOLUTE), what)


@cache
def alone(name, modalities):
    """Run a row in this one process on whole batches; nobody may change what it was."""
    run = toy.start(modalities, ROWS[name].recipe(modalities), optimizer="sgd")
    return on_ddp.train(run, run.model, toy.batches(modalities, 8))


PER_RANK = {"Conflict", "ConflictShare", "LossDescent", "MultilabelProbe", "RidgeProbe"}
"""Rows whose reading is no mean over rows: all ranks read the mean of what each found, which one process does not."""
LOCAL = {"act.1.Record", "measure.late"}
"""Parts that keep norms of this rank's shards."""


def assert_as_one(ranks, one, *, readings=True, shards=False):
    """Compare bit for bit between the ranks, and within float tolerance to one process."""
    if shards:
        ranks, one = [_without(trace, LOCAL, set()) for trace in ranks], _without(one, LOCAL, set())
    assert_same(ranks[1], ranks[0], "rank 1 against rank 0: ")
    if not readings:
        looking = {part for step in one[0] for part in step["state"]["parts"] if part.startswith("measure.")}
        ranks, one = [_without(ranks[0], looking, {"adjusted", "readings"})], _without(one, looking, {"adjusted", "readings"})
    assert_near(ranks[0], one, "two ranks against one process: ")


def _without(run, parts, keys):
    """Return a run without some parts' state and without some entries of every step."""
    trace = []
    for step in run[0]:
        state = {key: value for key, value in step["state"].items() if key not in keys}
        state["parts"] = {name: kept for name, kept in state["parts"].items() if name not in parts}
        trace.append({key: value for key, value in step.items() if key not in keys} | {"state": state})
    return trace, run[1]


def _assert_none(differences: Iterator[str], what: str) -> None:
    words = [f"{what}{words}" for words in differences]
    assert not words, "\n".join(words[:5])


def _differences(a: Any, b: Any, rtol: float, atol: float) -> Iterator[str]:
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        for key in a:
            yield from (f"[{key!r}]{words}" for words in _differences(a[key], b[key], rtol, atol))
    elif isinstance(a, list | tuple) and isinstance(b, list | tuple) and len(a) == len(b):
        for n, pair in enumerate(zip(a, b, strict=True)):
            yield from (f"[{n}]{words}" for words in _differences(*pair, rtol, atol))
    elif isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        if a.shape != b.shape or a.dtype != b.dtype or not torch.allclose(a, b, rtol, atol):
            yield f": {a.tolist()} is not {b.tolist()}"
    elif not (math.isclose(a, b, rel_tol=rtol, abs_tol=atol) if isinstance(a, float) and isinstance(b, float) else a == b):
        yield f": {a!r} is not {b!r}"
