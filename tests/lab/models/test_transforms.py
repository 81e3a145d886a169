"""Modality dropout: how often, never all, and only in training."""

import pytest
import torch

from asgml.lab.config import Model
from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.models.transforms import ModalityDropout, Transform

NAMES = ("audio", "visual", "text")


def ones(names, rows=20000):
    return {m: torch.ones(rows, 3) for m in names}


@pytest.mark.parametrize("names", [NAMES[:2], NAMES])
def test_every_sample_keeps_a_modality(names):
    torch.manual_seed(0)
    out = ModalityDropout(dict.fromkeys(names, 0.9))(ones(names, 5000))
    kept = torch.stack([x[:, 0] for x in out.values()])
    assert (kept.sum(0) >= 1).all()
    assert all(((x == 0) | (x == 1)).all() and (x == x[:, :1]).all() for x in out.values()), (
        "a feature goes whole or stays whole"
    )


def test_shares_are_those_asked_for():
    torch.manual_seed(0)
    out = ModalityDropout({"audio": 0.3, "visual": 0.1})(ones(NAMES))
    dropped = {m: 1 - x.mean().item() for m, x in out.items()}
    assert dropped["audio"] == pytest.approx(0.3, abs=0.015)
    assert dropped["visual"] == pytest.approx(0.1, abs=0.01)
    assert dropped["text"] == 0


def test_a_saved_modality_is_drawn_evenly():
    torch.manual_seed(0)
    p = 0.6
    out = ModalityDropout(dict.fromkeys(NAMES[:2], p))(ones(NAMES[:2]))
    for x in out.values():
        assert x.mean().item() == pytest.approx(1 - p + p * p / 2, abs=0.015)


def test_dropped_rows_get_no_gradient_and_kept_ones_are_not_rescaled():
    torch.manual_seed(1)
    features = {m: torch.randn(50, 4, 2, requires_grad=True) for m in NAMES[:2]}
    out = ModalityDropout({"audio": 0.5})(features)
    out["audio"].sum().backward()
    row = out["audio"].flatten(1).abs().sum(1) > 0
    assert 0 < row.sum() < 50
    assert torch.equal(features["audio"].grad.flatten(1).amax(1) > 0, row)
    assert torch.equal(out["audio"][row], features["audio"][row])


def test_only_training_drops():
    samples = {m: torch.randn(64, 1, 8, 8) for m in NAMES[:2]}
    model = LateFusion(samples, Model(feature_dim=4), 3, 0)
    plain = model(samples)[0]
    model.transform = ModalityDropout(dict.fromkeys(samples, 0.5))
    logits, features = model(samples)
    assert not torch.equal(logits, plain)
    assert torch.equal(model.fused(features), plain), "the features that are handed on are the encoders' own"
    assert torch.equal(model.eval()(samples)[0], plain)
    assert list(Transform().parameters()) == list(model.transform.parameters()) == []
