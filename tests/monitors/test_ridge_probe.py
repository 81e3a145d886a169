"""RidgeProbe: the regression of the weighted rows, exactly; an R^2 of batches not yet learnt from."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

import toy
from asgml.monitors import RidgeProbe
from steps import step_of, told


def rows(n=32, seed=0, noise=0.1, shift=0.0, scale=1.0):
    """`good` tells both numbers, `none` nothing."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 5, generator=g)
    y = x @ torch.tensor([[1.0, 0.0], [2.0, -1.0], [0.0, 0.5], [-1.0, 0.0], [0.0, 3.0]]) + 4
    y = y + noise * torch.randn(n, 2, generator=g)
    return {"good": x * scale + shift, "none": torch.randn(n, 5, generator=g)}, y


def steps(n, **settings):
    return [step_of(*rows(seed=k, **settings), index=k) for k in range(n)]


@pytest.mark.parametrize("decay", [0.0, 0.7, 0.9])
def test_it_is_scikit_learns_ridge_on_the_weighted_rows(decay):
    probe, seen = RidgeProbe(outputs=2, alpha=3.0, decay=decay), steps(6, shift=2.0)
    told(probe, seen)
    weights = np.concatenate([np.full(32, decay ** (5 - k)) for k in range(6)])
    x = torch.cat([s.features["good"] for s in seen]).double().numpy()
    y = torch.cat([s.targets for s in seen]).double().numpy()
    mean = np.average(x, 0, weights)
    scale = np.average((x - mean) ** 2, 0, weights) ** 0.5
    reference = Ridge(alpha=3.0).fit((x - mean) / scale, y, sample_weight=weights)
    new = rows(seed=99, shift=2.0)[0]["good"]
    expected = reference.predict((new.double().numpy() - mean) / scale)
    np.testing.assert_allclose(probe.predict("good", new).numpy(), expected, rtol=1e-6, atol=1e-6)


def test_r2_by_its_formula():
    probe, (first, second, third) = RidgeProbe(outputs=2, decay=0.5), steps(3)
    residual = total = torch.zeros(2, dtype=torch.float64)
    readings = told(probe, [first])
    for step in (second, third):
        y, mean = step.targets.double(), probe.state_dict()["good"]["y"] / probe.state_dict()["good"]["rows"]
        residual = residual / 2 + (y - probe.predict("good", step.features["good"])).square().sum(0)
        total = total / 2 + (y - mean).square().sum(0)
        readings += told(probe, [step])
        assert readings[-1]["good"] == pytest.approx((1 - residual / total).mean().item(), rel=1e-6)
    assert readings[0] == {"good": 0.0, "none": 0.0}


@pytest.mark.parametrize(("shift", "scale"), [(0, 1), (1e4, 1), (0, 1e-6), (0, 1e6)])
def test_it_tells_a_feature_that_knows_from_one_that_does_not(shift, scale):
    last = told(RidgeProbe(outputs=2), steps(30, shift=shift, scale=scale))[-1]
    assert last["good"] > 0.98
    assert -0.2 < last["none"] < 0.05


def test_each_batch_is_scored_before_it_is_learnt_and_nothing_counts_below_minus_one():
    g = torch.Generator().manual_seed(3)
    noise = [step_of({"m": torch.randn(4, 64, generator=g)}, torch.randn(4, generator=g), n) for n in range(100)]
    assert told(RidgeProbe(alpha=1e-3), noise)[-1]["m"] < 0.1, "64 columns could memorise every batch"
    huge = step_of({"m": 1e6 * torch.randn(4, 64, generator=g)}, torch.randn(4, generator=g), 100)
    probe = RidgeProbe()
    told(probe, noise)
    assert told(probe, [huge])[-1]["m"] == -1


def test_evidence_of_parts_adds_up_to_that_of_the_whole():
    probe = RidgeProbe(outputs=2)
    told(probe, steps(2))
    features, y = rows(seed=5)
    parts = [probe.evidence(step_of({m: x[s] for m, x in features.items()}, y[s])) for s in (slice(0, 9), slice(9, 32))]
    whole = probe.evidence(step_of(features, y))
    torch.testing.assert_close({key: sum(p[key] for p in parts) for key in whole}, dict(whole))


@pytest.mark.parametrize("value", [0.0, 3.0, 1e-20, 1e15])
def test_constant_features_and_targets_keep_it_finite(value):
    probe = RidgeProbe()
    readings = told(probe, [step_of({"m": torch.full((3, 4), value)}, torch.full((3,), 2.0), n) for n in range(4)])
    assert all(-1 <= r["m"] <= 1 for r in readings)
    assert all(t.isfinite().all() for t in probe.state_dict()["m"].values())


def test_measuring_is_pure():
    probe = RidgeProbe(outputs=2)
    told(probe, steps(3))
    before, step = toy.through_file(probe.state_dict()), step_of(*rows(seed=9))
    assert toy.identical(probe.measure(step), probe.measure(step))
    assert toy.identical(probe.state_dict(), before)


def test_misuse():
    for settings, words in (
        ({"alpha": 0.0}, "`alpha` must be above 0"),
        ({"outputs": 0}, "`outputs`"),
        ({"decay": 1.0}, "`decay`"),
    ):
        with pytest.raises(ValueError, match=words):
            RidgeProbe(**settings)
    with pytest.raises(ValueError, match=r"'ridge_probe' needs targets: call"):
        RidgeProbe().measure(step_of({"m": torch.ones(2, 3)}))
    with pytest.raises(ValueError, match=r"targets of shape \(2, 3\), a row for each of 'm'; found shape \(2,\)"):
        RidgeProbe(outputs=3).measure(step_of({"m": torch.ones(2, 3)}, torch.ones(2)))
