"""Objectives: golden values, and sums."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from asgml.lab.config import Model
from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.training.objectives import CrossEntropy, Disentangled, Objective, SoloSum, Sum, Unimodal

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


def late_fusion(head=None):
    samples = {m: torch.randn(4, 1, 4, 4) for m in ("a", "v")}
    model = LateFusion(samples, Model(feature_dim=2), 3, 0)
    if head:
        with torch.no_grad():
            model.fusion.head.weight.copy_(head[0])
            model.fusion.head.bias.copy_(head[1])
    return model


def test_disentangled_gradients_of_the_released_code():
    """Encoders: the unimodal losses' gradients times alpha = 4; the fused loss gives them none."""
    model = late_fusion((torch.arange(12.0).sin().reshape(3, 4), (torch.arange(3.0) + 1).sin()))
    features = {
        "a": torch.tensor([[1.0, -1.0], [0.5, 0.2]], requires_grad=True),
        "v": torch.tensor([[0.3, 0.4], [-1.0, 2.0]], requires_grad=True),
    }
    objective = Disentangled(4.0)
    objective.attach(model)
    labels = torch.tensor([0, 2])
    objective(torch.full((2, 3), torch.nan), features, labels).backward()
    expected = {"a": [[-0.0888157, -2.0859478], [-1.6668696, -0.2406599]], "v": [[-1.3088908, 0.2287809], [0.73353, 3.1559472]]}
    for m, grad in expected.items():
        assert torch.allclose(features[m].grad, torch.tensor(grad), atol=1e-5)
    ours = model.fusion.head.weight.grad.clone(), model.fusion.head.bias.grad.clone()
    model.fusion.head.zero_grad()
    cross_entropy(model.fused({m: x.detach() for m, x in features.items()}), labels).backward()
    assert torch.allclose(ours[0], model.fusion.head.weight.grad), "the fusion learns from the fused loss alone"
    assert torch.allclose(ours[1], model.fusion.head.bias.grad)


def test_a_loss_does_not_own_the_model_it_looks_at():
    objective = Disentangled(1.0)
    objective.attach(late_fusion())
    assert list(objective.parameters()) == []
    assert objective.state_dict() == {}


def test_solo_models_answer_with_the_sum_of_their_heads():
    objective = SoloSum()
    objective.prepare({"a": 3, "v": 3}, 3, seed=0)
    expected = sum(objective.heads[m](ALONE[m]) for m in ALONE)
    assert torch.equal(objective.predict(FUSED, ALONE), expected)
    assert torch.equal(Sum(objective, Unimodal(0.0)).predict(FUSED, ALONE), expected)
    assert CrossEntropy().predict(FUSED, ALONE) is FUSED


def test_solo_models_are_trained_apart():
    objective, logits = SoloSum(), FUSED.clone().requires_grad_()
    objective.prepare({"a": 3, "v": 3}, 3, seed=0)
    features = {m: x.clone().requires_grad_() for m, x in ALONE.items()}
    objective(logits, features, LABELS).backward()
    assert logits.grad is None
    for m, x in features.items():
        alone = ALONE[m].clone().requires_grad_()
        cross_entropy(objective.heads[m](alone), LABELS).backward()
        assert torch.allclose(x.grad, alone.grad)
