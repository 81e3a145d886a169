"""GradNorm equals the norm of the flattened gradient, and costs no transfer of its own."""

import pytest
import torch

import toy
from asgml import Balancer, Recipe
from asgml.interventions import Delay
from asgml.monitors import GradNorm, Probe
from toy import THREE, TWO


@pytest.mark.parametrize("modalities", [TWO, THREE])
def test_it_is_the_norm_of_the_flattened_gradient_before_any_intervention(modalities):
    run = toy.start(modalities, Recipe((GradNorm(),), (Delay({"audio": 2}),)))
    for batch in toy.batches(modalities, 4):
        toy.advance(run, [batch])
        for m in modalities:
            raw = torch.cat([g.flatten() for n, g in run.raw[-1].items() if n.startswith(f"encoders.{m}.") and g is not None])
            assert run.balancer.readings["grad_norm"][m] == pytest.approx(raw.norm().item(), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_half_precision_gradients_do_not_overflow_their_own_norm(dtype):
    encoder = torch.nn.Linear(64, 64, bias=False).to(dtype)
    balancer = Balancer({"audio": encoder}, measure=[GradNorm()])
    encoder(torch.ones(2, 64, dtype=dtype)).sum().backward()
    encoder.weight.grad = torch.full_like(encoder.weight, 2048)
    assert balancer.adjust()["grad_norm"]["audio"] == pytest.approx(2048 * 64, rel=1e-3), "beyond 65,504"


def test_sparse_gradients_are_counted():
    encoder = torch.nn.Embedding(10, 3, sparse=True)
    balancer = Balancer({"text": encoder}, measure=[GradNorm()])
    encoder(torch.tensor([1, 1, 2])).sum().backward()
    assert balancer.adjust()["grad_norm"]["text"] == pytest.approx((3 * 4 + 3 * 1) ** 0.5), "a row that occurs twice adds up"


def test_one_transfer_per_update_whatever_is_measured(monkeypatch):
    run = toy.start(THREE, Recipe((GradNorm(), Probe(toy.CLASSES)), (Delay({"audio": 2}),)))
    moved = []
    for name in ("tolist", "item", "cpu", "numpy", "__float__", "__bool__", "__int__", "__index__"):
        plain = getattr(torch.Tensor, name)
        noted = lambda self, *args, _name=name, _plain=plain: (moved.append(_name), _plain(self, *args))[1]
        monkeypatch.setattr(torch.Tensor, name, noted)
    balancer = run.balancer
    for inputs, labels in toy.batches(THREE, 3):
        torch.nn.functional.cross_entropy(run.model(inputs), labels).backward()
        moved.clear()
        balancer.adjust(labels)
        assert moved == ["tolist"]


def test_every_is_a_cadence_in_updates_and_readings_are_kept_but_not_repeated():
    run = toy.start(TWO, Recipe((GradNorm(every=3),)))
    returned = []
    adjust = run.balancer.adjust
    run.balancer.adjust = lambda targets: returned.append(adjust(targets))
    toy.advance(run, toy.batches(TWO, 7))
    assert [bool(r) for r in returned] == [True, False, False] * 2 + [True]
    assert run.balancer.readings["grad_norm"] == returned[6]["grad_norm"]
    with pytest.raises(ValueError, match="`every` is counted in updates and must be at least 1, found 0"):
        GradNorm(every=0)
