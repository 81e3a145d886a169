"""Probe: an online linear probe that scores before it learns, and leaves encoders alone."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import toy
from asgml import Balancer, Recipe, Step
from asgml.monitors import Probe
from asgml.monitors._features import pooled
from toy import THREE, TWO


def step_of(features, targets, index=0):
    return Step(index, {}, features, targets, frozenset(features), frozenset(), {}, {})


def told(probe, batches):
    readings = []
    for index, (features, targets) in enumerate(batches):
        step = step_of(features, targets, index)
        readings.append({m: v.item() for m, v in probe.measure(step).items()})
        learn(probe, step)
    return readings


def learn(probe, step):
    probe.learn(step, probe.evidence(step))


def blobs(n, rows=32, spread=0.5, scale=1.0, shift=0.0, seed=0):
    """Batches of three well separated classes in 8 dimensions (`good`), and of noise (`none`)."""
    g = torch.Generator().manual_seed(seed)
    centres = torch.randn(3, 8, generator=g)
    for _ in range(n):
        y = torch.randint(3, (rows,), generator=g)
        good = centres[y] + spread * torch.randn(rows, 8, generator=g)
        yield {"good": good * scale + shift, "none": torch.randn(rows, 8, generator=g) * scale + shift}, y


@pytest.mark.parametrize(("scale", "shift"), [(1, 0), (1e-3, 0), (1e3, 0), (1, 50)])
def test_it_tells_a_feature_that_knows_from_one_that_does_not(scale, shift):
    last = told(Probe(classes=3), blobs(60, scale=scale, shift=shift))[-1]
    assert last["good"] > 0.9
    assert 0.2 < last["none"] < 0.47


def test_each_batch_is_scored_before_it_is_learnt():
    """Labels that follow no rule stay at chance, however often the probe could have memorised each batch."""
    g = torch.Generator().manual_seed(3)
    noise = [({"m": torch.randn(4, 64, generator=g)}, torch.randint(4, (4,), generator=g)) for _ in range(400)]
    readings = told(Probe(classes=4, decay=0.99), noise)
    assert 0.17 < readings[-1]["m"] < 0.33


def test_the_first_reading_is_the_score_of_zero_weights():
    features, y = next(iter(blobs(1)))
    probe = Probe(classes=3)
    assert torch.equal(probe.predict("good", features["good"]), torch.zeros(32, 3))
    assert told(probe, [(features, y)])[0]["good"] == pytest.approx((y == 0).float().mean().item())


def test_the_first_batch_gives_the_statistics_and_the_second_one_gradient_step_of_softmax_regression():
    (first, y), (second, z) = blobs(2)
    probe = Probe(classes=3)
    learn(probe, step_of({"good": first["good"]}, y))
    assert not probe.state_dict()["good"]["weight"].any()
    learn(probe, step_of({"good": second["good"]}, z))
    x = (second["good"] - first["good"].mean(0)) / first["good"].var(0, correction=0).sqrt()
    w, b = torch.zeros(8, 3, requires_grad=True), torch.zeros(3, requires_grad=True)
    torch.nn.functional.cross_entropy(x @ w + b, z, reduction="sum").backward()
    rate = 2 / (len(x) + x.square().sum())
    memory = probe.state_dict()["good"]
    torch.testing.assert_close(memory["weight"], -rate * w.grad, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(memory["bias"], -rate * b.grad, rtol=1e-3, atol=1e-4)


def test_weights_keep_97_percent_from_batch_to_batch():
    probe, (features, y), (_, z) = Probe(classes=3, lr=0.0), *blobs(2)
    learn(probe, step_of({"good": features["good"]}, y))
    probe._memory["good"] |= {"weight": torch.ones(8, 3), "bias": torch.ones(3)}
    learn(probe, step_of({"good": features["good"]}, z))
    torch.testing.assert_close(probe.state_dict()["good"]["weight"], torch.full((8, 3), 0.97))
    torch.testing.assert_close(probe.state_dict()["good"]["bias"], torch.ones(3))


@pytest.mark.parametrize("parts", [2, 4])
def test_evidence_of_parts_adds_up_to_that_of_the_whole(parts):
    """What makes probes equal on all ranks: sums over a batch's pieces are the sums over the batch."""
    probe, batches = Probe(classes=3), list(blobs(3))
    for features, y in batches[:2]:
        learn(probe, step_of(features, y))
    features, y = batches[2]
    pieces = [step_of({m: f.chunk(parts)[n] for m, f in features.items()}, y.chunk(parts)[n]) for n in range(parts)]
    told = [probe.evidence(piece) for piece in pieces]
    whole = probe.evidence(step_of(features, y))
    torch.testing.assert_close({key: sum(t[key] for t in told) for key in whole}, dict(whole), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("modalities", [TWO, THREE])
def test_measuring_is_pure(modalities):
    run = toy.train(modalities, Recipe((Probe(toy.CLASSES),)), steps=3)
    probe = run.balancer.measure[0]
    step = step_of({m: torch.randn(6, toy.FEATURE) for m in modalities}, torch.tensor([0, 1, 2, 0, 1, 2]))
    before = toy.through_file(probe.state_dict())
    assert toy.identical(probe.measure(step), probe.measure(step))
    assert toy.identical(probe.state_dict(), before)


def test_features_of_more_axes_are_pooled():
    x = torch.randn(2, 5, 3)
    assert torch.allclose(pooled(x), x.mean(1)), "(B, T, D): over T"
    x = torch.randn(2, 5, 3, 4)
    assert torch.allclose(pooled(x), x.mean((2, 3))), "(B, D, H, W): over H and W"
    assert pooled(torch.randn(2, dtype=torch.float64)).shape == (2, 1)
    assert pooled(torch.randn(2, 5, dtype=torch.bfloat16)).dtype == torch.float32


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(1, 5),
    width=st.integers(1, 6),
    value=st.sampled_from([0.0, 1.0, -3.0, 1e-20, 1e15]),
    constant=st.booleans(),
)
def test_nasty_features_keep_it_finite(rows, width, value, constant):
    probe = Probe(classes=3)
    g = torch.Generator().manual_seed(0)
    for _ in range(5):
        x = torch.full((rows, width), value) if constant else torch.randn(rows, width, generator=g) * value
        (reading,) = told(probe, [({"m": x}, torch.zeros(rows, dtype=torch.long))])
        assert 0 <= reading["m"] <= 1
        assert all(t.isfinite().all() for t in probe.state_dict()["m"].values())


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (None, r"'probe' needs targets: call `balancer.adjust\(targets\)`"),
        (torch.zeros(4, dtype=torch.long), r"shape \(6,\), the rows of 'a', .* found shape \(4,\)"),
        (torch.zeros(6, 2, dtype=torch.long), r"found shape \(6, 2\)"),
        (torch.zeros(6), "holding class indices; found shape .*float32"),
    ],
)
def test_targets_are_checked(targets, message):
    encoder = torch.nn.Linear(2, 3)
    balancer = Balancer({"a": encoder}, measure=[Probe(3)])
    encoder(torch.randn(6, 2)).sum().backward()
    with pytest.raises(ValueError, match=message):
        balancer.adjust(targets)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"classes": 1}, "`classes`"), ({"classes": 3, "decay": 1.0}, "`decay`"), ({"classes": 3, "every": 0}, "`every`")],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(ValueError, match=message):
        Probe(**settings)
