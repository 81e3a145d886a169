"""Objectives: golden values, and sums."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from asgml.lab.training.objectives import CrossEntropy, Objective, Sum, Unimodal

FUSED = torch.tensor([[2.5, 0.9, -0.9], [0.5, 1.7, 0.4], [0.1, 0.9, 1.5], [1.2, 1.1, 0.4]])
ALONE = {
    "a": torch.tensor([[2.0, 0.5, -1.0], [0.2, 1.5, 0.3], [0.1, 0.0, 1.2], [1.0, 1.0, 0.0]]),
    "v": torch.tensor([[0.5, 0.4, 0.1], [0.3, 0.2, 0.1], [0.0, 0.9, 0.3], [0.2, 0.1, 0.4]]),
}
LABELS = torch.tensor([0, 1, 2, 0])


def with_identity_heads(gamma):
    unimodal = Unimodal(gamma)
    unimodal.prepare({"a": 3, "v": 3}, 3, seed=0)
    for head in unimodal.heads.values():
        torch.nn.init.eye_(head.weight)
        torch.nn.init.zeros_(head.bias)
    return unimodal


def test_joint_plus_unimodal_losses():
    """The loss of ASGML's research code on its own logits, gamma = 1: 2.1530619."""
    objective = CrossEntropy() + with_identity_heads(1.0)
    assert objective(FUSED, ALONE, LABELS).item() == pytest.approx(2.1530619, abs=1e-5)


@pytest.mark.parametrize("gamma", [0.5, 4.0])
def test_gamma_weighs_the_sum_over_modalities(gamma):
    expected = gamma * sum(cross_entropy(z, LABELS) for z in ALONE.values())
    assert torch.allclose(with_identity_heads(gamma)(FUSED, ALONE, LABELS), expected)


def test_sums_keep_order_and_parameters():
    first, second = CrossEntropy(), Unimodal(1.0)
    objective = first + second
    assert isinstance(objective, Sum)
    objective.prepare({"a": 4, "v": 5}, 3, seed=0)
    assert [tuple(p.shape) for p in objective.parameters()] == [(3, 4), (3,), (3, 5), (3,)]
    assert list(CrossEntropy().parameters()) == []


def test_heads_start_from_seed_and_modality_alone():
    def heads(names, seed):
        unimodal = Unimodal(1.0)
        unimodal.prepare(dict.fromkeys(names, 4), 3, seed)
        return {m: h.weight.detach() for m, h in unimodal.heads.items()}

    state = torch.get_rng_state()
    both, other = heads(["a", "v"], 0), heads(["v"], 0)
    assert torch.equal(both["v"], other["v"])
    assert not torch.equal(both["a"], both["v"])
    assert not torch.equal(heads(["a"], 1)["a"], both["a"])
    assert torch.equal(torch.get_rng_state(), state)


def test_the_contract_is_abstract():
    with pytest.raises(TypeError):
        Objective()
