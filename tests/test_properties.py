"""Properties over nasty inputs: shapes, dtypes, gradients that are None, empty and single-sample batches, nan and inf."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import toy
from asgml import Balancer, Recipe
from asgml.interventions import Delay, Scale, Skip
from asgml.monitors import GradNorm, Probe
from asgml.policies import OneIn

DTYPES = st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.float16])
SHAPES = st.sampled_from([(), (2,), (2, 3), (2, 2, 2)])
RUNS = settings(max_examples=60, deadline=None)


class Free(nn.Module):
    """An encoder of any dtype and feature shape, some of whose parameters take no part."""

    def __init__(self, dtype, shape, dead):
        super().__init__()
        self.weight = nn.Parameter(torch.full((3, math.prod((4, *shape))), 0.1, dtype=dtype))
        self.dead = nn.ParameterList([nn.Parameter(torch.ones(2, dtype=dtype)) for _ in range(dead)])
        self.shape = (4, *shape)

    def forward(self, x):
        return (x.to(self.weight.dtype) @ self.weight).view(len(x), *self.shape)


def parts(tau):
    return Recipe((GradNorm(), Probe(3)), (Skip(OneIn(3, "b")), Delay({"a": tau}), Scale({"a": 0.5})))


def forward(encoders, x):
    return sum(encoder(x).float().sum() for encoder in encoders.values())


@RUNS
@given(
    dtype=DTYPES,
    shape=SHAPES,
    dead=st.integers(0, 2),
    rows=st.lists(st.integers(0, 3), min_size=1, max_size=5),
    tau=st.integers(0, 3),
)
def test_any_shape_and_dtype_and_batch_size_runs_and_keeps_none(dtype, shape, dead, rows, tau):
    encoders = {"a": Free(dtype, shape, dead), "b": Free(torch.float32, (), 0)}
    balancer = Balancer(encoders, parts(tau))
    for t, n in enumerate(rows):
        forward(encoders, torch.ones(n, 3)).backward()
        fresh = encoders["a"].weight.grad.clone()
        readings = balancer.adjust(torch.zeros(n, dtype=torch.long))
        assert readings["grad_norm"].keys() == ({"a"} if t % 3 == 2 else {"a", "b"})
        assert readings["grad_norm"]["a"] == torch.linalg.vector_norm(fresh.double()).item() or math.isclose(
            readings["grad_norm"]["a"], torch.linalg.vector_norm(fresh.double()).item(), rel_tol=1e-3
        )
        assert readings["probe"].keys() == ({"a", "b"} if n else set())
        assert all(0 <= share <= 1 for share in readings["probe"].values())
        assert all(p.grad is None for p in encoders["a"].dead)
        assert (encoders["a"].weight.grad is None) == (t < tau)
        assert encoders["a"].weight.grad is None or encoders["a"].weight.grad.dtype == dtype
        for encoder in encoders.values():
            encoder.zero_grad()
    balancer.remove()
    again = Balancer(encoders, parts(tau))
    again.load_state_dict(toy.through_file(balancer.state_dict()))
    assert toy.identical(again.state_dict(), balancer.state_dict())


@RUNS
@given(
    bad=st.sampled_from([math.nan, math.inf, -math.inf]),
    where=st.sampled_from(["a", "b"]),
    place=st.tuples(st.integers(0, 2), st.integers(0, 3)),
    when=st.sets(st.integers(0, 5), max_size=4),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
)
def test_steps_that_are_not_finite_are_as_if_they_had_not_been(bad, where, place, when, dtype):
    def run(spoilt):
        encoders = {"a": Free(dtype, (), 0), "b": Free(dtype, (), 0)}
        balancer = Balancer(encoders, Recipe((GradNorm(), Probe(3)), (Delay({"a": 1, "b": 2}), Scale({"a": 0.5}))))
        applied = []
        for t in range(6):
            if t in when and not spoilt:
                continue
            forward(encoders, torch.full((2, 3), 1.0 + t)).backward()
            if t in when:
                encoders[where].weight.grad[place] = bad
            balancer.adjust(torch.tensor([0, 1]))
            if t not in when:
                applied.append([None if e.weight.grad is None else e.weight.grad.clone() for e in encoders.values()])
            for encoder in encoders.values():
                encoder.zero_grad()
        return applied, balancer.state_dict()

    (ours, state), (theirs, clean) = run(True), run(False)
    assert state.pop("nonfinite") == len(when)
    assert clean.pop("nonfinite") == 0
    assert toy.identical(ours, theirs)
    assert toy.identical(state, clean)


@RUNS
@given(present=st.lists(st.sets(st.sampled_from(["a", "b"]), min_size=1), min_size=1, max_size=8), tau=st.integers(0, 2))
def test_modalities_that_come_and_go_are_counted_only_where_they_are(present, tau):
    encoders = {"a": Free(torch.float32, (), 0), "b": Free(torch.float32, (), 0)}
    balancer = Balancer(encoders, Recipe((GradNorm(), Probe(3)), (Delay({"a": tau}),)))
    for names in present:
        forward({m: encoders[m] for m in names}, torch.ones(2, 3)).backward()
        readings = balancer.adjust(torch.tensor([0, 1]))
        assert readings["grad_norm"].keys() == readings["probe"].keys() == names
        for encoder in encoders.values():
            encoder.zero_grad()
    for m, counts in balancer.tally.items():
        assert sum(counts.values()) == sum(m in names for names in present)
    assert balancer.tally["a"]["held"] == min(tau, sum("a" in names for names in present))
