"""MultilabelProbe: a logistic step by its formula, and a reading that rare labels do not raise."""

import pytest
import torch
from sklearn.metrics import balanced_accuracy_score
from torch.nn.functional import binary_cross_entropy_with_logits

from asgml.monitors import MultilabelProbe
from steps import step_of, told


def rows(n=64, seed=0, rare=0.5):
    """Two labels that `good` tells; the second is as rare as asked. `none` tells nothing."""
    g = torch.Generator().manual_seed(seed)
    y = (torch.rand(n, 2, generator=g) < torch.tensor([0.5, rare])).float()
    good = torch.cat([2 * y - 1, torch.zeros(n, 2)], 1) + 0.3 * torch.randn(n, 4, generator=g)
    return {"good": good, "none": torch.randn(n, 4, generator=g)}, y


def steps(n, **settings):
    return [step_of(*rows(seed=k, **settings), index=k) for k in range(n)]


@pytest.mark.parametrize("rare", [0.5, 0.05])
def test_it_tells_a_feature_that_knows_from_one_that_does_not(rare):
    last = told(MultilabelProbe(2, decay=0.95), steps(160, rare=rare))[-1]
    assert last["good"] > 0.9
    assert last["none"] == pytest.approx(0.5, abs=0.1), "where always saying no is right in 95 of 100"


def test_the_reading_is_scikit_learns_balanced_accuracy_averaged_over_labels():
    probe = MultilabelProbe(2, decay=0.0)
    told(probe, steps(5))
    features, y = rows(seed=9)
    share = probe.state_dict()["none"]["positives"]
    yes = probe.predict("none", features["none"]).sigmoid() > share
    expected = sum(balanced_accuracy_score(y[:, k], yes[:, k]) for k in range(2)) / 2
    assert told(probe, [step_of(features, y)])[-1]["none"] == pytest.approx(expected, abs=1e-6)


def test_labels_of_one_kind_are_left_out():
    features, y = rows()
    y[:, 1] = 0
    both = told(MultilabelProbe(2), [step_of(features, y), step_of(features, y)])[-1]["good"]
    alone = told(MultilabelProbe(1), [step_of(features, y[:, :1]), step_of(features, y[:, :1])])[-1]["good"]
    assert both == pytest.approx(alone)
    assert told(MultilabelProbe(2), [step_of(features, torch.zeros(64, 2))])[-1] == {"good": 0.5, "none": 0.5}


def test_the_second_batch_gives_one_gradient_step_of_logistic_regression():
    (first, y), (second, z) = rows(seed=1), rows(seed=2)
    probe = MultilabelProbe(2)
    told(probe, [step_of(first, y), step_of(second, z)])
    x = (second["good"] - first["good"].mean(0)) / first["good"].var(0, correction=0).sqrt()
    w, b = torch.zeros(4, 2, requires_grad=True), torch.zeros(2, requires_grad=True)
    binary_cross_entropy_with_logits(x @ w + b, z, reduction="sum").backward()
    rate = 2 / (len(x) + x.square().sum())
    torch.testing.assert_close(probe.state_dict()["good"]["weight"], -rate * w.grad, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(probe.state_dict()["good"]["bias"], -rate * b.grad, rtol=1e-3, atol=1e-4)


def test_evidence_of_parts_adds_up_to_that_of_the_whole():
    probe = MultilabelProbe(2)
    told(probe, steps(2))
    features, y = rows(seed=5)
    parts = [probe.evidence(step_of({m: x[s] for m, x in features.items()}, y[s])) for s in (slice(0, 9), slice(9, 64))]
    whole = probe.evidence(step_of(features, y))
    torch.testing.assert_close({key: sum(p[key] for p in parts) for key in whole}, dict(whole), rtol=1e-4, atol=1e-4)


def test_misuse():
    with pytest.raises(ValueError, match="`labels` must be at least 1, found 0"):
        MultilabelProbe(0)
    with pytest.raises(ValueError, match="'multilabel_probe' needs targets: call"):
        MultilabelProbe(2).measure(step_of({"m": torch.ones(2, 3)}))
    with pytest.raises(ValueError, match=r"targets of shape \(2, 3\), a row for each of 'm'; found shape \(2,\)"):
        MultilabelProbe(3).measure(step_of({"m": torch.ones(2, 3)}, torch.ones(2)))
