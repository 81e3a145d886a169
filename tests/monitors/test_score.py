"""Score: unimodal logits of a named kind, the published score, heads that stay as they were."""

import pytest
import torch
from torch import nn
from torch.nn.functional import softmax

import toy
from asgml import Balancer
from asgml.monitors import Score
from steps import step_of

LABELS = torch.tensor([0, 1, 2, 0])
LOGITS = {
    "a": torch.tensor([[2.0, 0.5, -1.0], [0.2, 1.5, 0.3], [0.1, 0.0, 1.2], [1.0, 1.0, 0.0]]),
    "v": torch.tensor([[0.5, 0.4, 0.1], [0.3, 0.2, 0.1], [0.0, 0.9, 0.3], [0.2, 0.1, 0.4]]),
}


def same(x):
    return x


def test_the_published_score():
    """OGM-GE's own lines, on the same logits: sums of 2.4553213 and 1.3210912 over four rows."""
    found = Score({"a": same, "v": same}).measure(step_of(LOGITS, LABELS))
    assert found["a"].item() == pytest.approx(2.4553213 / 4, abs=1e-6)
    assert found["v"].item() == pytest.approx(1.3210912 / 4, abs=1e-6)


def published_head():
    head = nn.Linear(4, 3)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[1.0, 0, 2, 0], [0, 1, 0, 2], [1, 1, -1, -1]]))
        head.bias.copy_(torch.tensor([0.2, 0.4, -0.6]))
    return head


def test_split_logits_add_up_to_the_fused_logits():
    head, features = published_head(), {"a": torch.tensor([[1.0, 2.0]]), "v": torch.tensor([[-1.0, 0.5]])}
    found = Score.split(head, {"a": 2, "v": 2}).unimodal(step_of(features))
    torch.testing.assert_close(found["a"], torch.tensor([[1.1, 2.2, 2.7]]))
    torch.testing.assert_close(found["v"], torch.tensor([[-1.9, 1.2, 0.2]]))
    g = torch.Generator().manual_seed(0)
    widths, wide = {"a": 3, "v": 5, "t": 2}, nn.Linear(10, 7)
    features = {m: torch.randn(6, w, generator=g) for m, w in widths.items()}
    split = Score.split(wide, widths).unimodal(step_of(features))
    torch.testing.assert_close(sum(split.values()), wide(torch.cat(list(features.values()), 1)))


def test_the_kinds_differ_as_they_say():
    head, features = published_head(), {"a": torch.tensor([[1.0, 2.0]]), "v": torch.tensor([[-1.0, 0.5]])}
    fuse = lambda h: head(torch.cat([h["a"], h["v"]], 1))
    zero = Score.zero_feature(fuse).unimodal(step_of(features))
    split = Score.split(head, {"a": 2, "v": 2}).unimodal(step_of(features))
    torch.testing.assert_close(zero["a"] - split["a"], head.bias.detach()[None] / 2, msg="the whole bias, not half of it")
    own = Score.own_head({"a": lambda x: 2 * x}).unimodal(step_of(features))
    assert set(own) == {"a"}, "a modality without a head is left out"
    assert torch.equal(own["a"], 2 * features["a"])
    assert [s.kind for s in (Score.zero_feature(fuse), Score.split(head, {"a": 2, "v": 2}), Score({"a": same}))] == [
        "zero_feature", "split", "own_head",
    ]  # fmt: skip


class Fused(nn.Module):
    """A head with everything that a call could change: BatchNorm, dropout, a layer frozen in eval mode."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 3))
        self.frozen = nn.BatchNorm1d(3).eval()

    def fuse(self, features):
        return nn.functional.dropout(self.frozen(self.layers(torch.cat([features["a"], features["v"]], 1))), 0.5, self.training)


@pytest.mark.parametrize("wrap", [lambda net: net.fuse, lambda net: lambda h: net.layers(torch.cat([h["a"], h["v"]], 1))])
def test_heads_are_called_in_eval_mode_and_left_as_they_were(wrap):
    net = Fused()
    encoders = {"a": nn.Linear(3, 2), "v": nn.Linear(3, 2)}
    balancer = Balancer(encoders, measure=[Score.zero_feature(wrap(net))])
    features = {m: e(torch.randn(5, 3)) for m, e in encoders.items()}
    net.fuse(features).sum().backward()
    before = {n: t.clone() for n, t in net.state_dict().items()}
    grads = {n: p.grad.clone() for n, p in net.named_parameters()}
    modes, random = [m.training for m in net.modules()], torch.get_rng_state()
    first = balancer.adjust(torch.zeros(5, dtype=torch.long))["score"]
    assert toy.identical(dict(net.state_dict()), before)
    assert toy.identical({n: p.grad for n, p in net.named_parameters()}, grads)
    assert [m.training for m in net.modules()] == modes
    assert torch.equal(torch.get_rng_state(), random)
    net.eval()
    expected = softmax(wrap(net)({"a": features["a"], "v": torch.zeros(5, 2)}), 1)[:, 0].mean().item()
    assert first["a"] == pytest.approx(expected, abs=1e-6)


def test_modes_go_back_even_where_the_head_fails():
    net = Fused()
    with pytest.raises(RuntimeError):
        Score.zero_feature(net.fuse).measure(step_of({"a": torch.ones(2, 9), "v": torch.ones(2, 2)}, torch.zeros(2).long()))
    assert net.training
    assert net.layers[0].training
    assert not nn.modules.module._global_forward_pre_hooks


def test_half_precision_features_meet_a_full_precision_head():
    step = step_of({"a": torch.ones(2, 4, dtype=torch.bfloat16)}, torch.tensor([0, 1]))
    assert Score.split(nn.Linear(4, 3), {"a": 4}).measure(step)["a"].dtype == torch.float32


def test_misuse():
    with pytest.raises(ValueError, match=r"`widths` must add up to the head's 4 inputs, found {'a': 2, 'v': 3}, which makes 5"):
        Score.split(nn.Linear(4, 3), {"a": 2, "v": 3})
    with pytest.raises(TypeError, match=r"`head` must be the nn.Linear .* found Sequential.*use `zero_feature`"):
        Score.split(nn.Sequential(nn.Linear(4, 3)), {"a": 4})
    with pytest.raises(TypeError, match="`logits` must be a mapping modality -> function"):
        Score(nn.Linear(4, 3))
    with pytest.raises(ValueError, match="`every`"):
        Score({"a": same}, every=0)
    step = step_of(LOGITS, LABELS)
    with pytest.raises(ValueError, match=r"'score' has logits for \['text'\]; the modalities are \['a', 'v'\]"):
        Score.own_head({"text": same}).measure(step)
    with pytest.raises(ValueError, match=r"the feature of 'a' has 2 columns, found shape \(4, 3\)"):
        Score.split(nn.Linear(4, 3), {"a": 2, "v": 2}).measure(step)
    with pytest.raises(ValueError, match=r"needs logits of shape \(4, classes\) for 'a', found shape \(4,\)"):
        Score.own_head({"a": lambda x: x[:, 0]}).measure(step)
    with pytest.raises(ValueError, match=r"'score' needs targets: call `balancer.adjust\(targets\)`"):
        Score({"a": same}).measure(step_of(LOGITS))
