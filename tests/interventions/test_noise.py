"""Noise: of the gradients' own spread, drawn per modality, the same after a resume; OGM-GE adds it to what it scales."""

import pytest
import torch

import toy
from asgml import Balancer, Recipe
from asgml.interventions import Noise, OgmGe, Scale, Skip
from asgml.interventions._normal import derived
from asgml.policies import Between, Constant
from toy import THREE, TWO, identical, through_file

WEIGHT, BIAS = "encoders.audio.first.weight", "encoders.audio.first.bias"
PARTS = pytest.mark.parametrize("part", [Noise, OgmGe])


class Wide(torch.nn.Module):
    """Many elements, so that their spread can be told, and two gradients with few."""

    def __init__(self):
        super().__init__()
        self.many, self.one, self.two = (torch.nn.Parameter(torch.zeros(n, n)) for n in (200, 1, 2))
        self.bias = torch.nn.Parameter(torch.zeros(3))

    def forward(self, x):
        return x.sum() * (self.many.sum() + self.one.sum() + self.two.sum() + self.bias.sum())


def edited(part, grads, encoders=("audio",)):
    """Return what a part makes of gradients, one update, for encoders of one kind."""
    nets = {m: Wide() for m in encoders}
    balancer = Balancer(nets, act=[part])
    for net in nets.values():
        net(torch.ones(1)).backward()
        for name, grad in grads.items():
            getattr(net, name).grad = grad.clone()
    balancer.adjust()
    return {m: {n: p.grad for n, p in net.named_parameters()} for m, net in nets.items()}


def normal(n, seed=0, spread=1.0):
    return spread * torch.randn(n, n, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("factor", [0.5, 2.0])
@pytest.mark.parametrize("spread", [1e-4, 3.0])
def test_the_noise_has_factor_times_the_gradients_spread(factor, spread):
    grad = normal(200, spread=spread) + 5 * spread
    noise = edited(Noise({"audio": factor}), {"many": grad})["audio"]["many"] - grad
    assert noise.std().item() == pytest.approx(factor * grad.std().item(), rel=0.02)
    assert abs(noise.mean().item()) < 0.02 * factor * spread
    together = torch.stack([noise.flatten(), grad.flatten()])
    assert abs(torch.corrcoef(together)[0, 1].item()) < 0.02, "drawn apart from what it is added to"


def test_the_spread_is_the_unbiased_one_of_the_unscaled_gradient():
    """The golden value 0.2645751 of a gradient 0.1, -0.2, 0.3, 0.4: dividing by four would give 0.2291288."""
    grad = torch.tensor([[0.1, -0.2], [0.3, 0.4]])
    drawn = edited(Noise({"audio": 1.0}, seed=5), {"two": grad})["audio"]["two"] - grad
    again = edited(Noise({"audio": 1.0}, seed=5), {"two": 2 * grad})["audio"]["two"] - 2 * grad
    own = torch.Generator().manual_seed(derived("Noise", 5, "audio"))
    torch.randn(200, 200, generator=own)  # `many` comes before `two`
    torch.testing.assert_close(drawn, 0.2645751 * torch.randn(2, 2, generator=own), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(again, 2 * drawn, rtol=1e-5, atol=1e-6)
    held = edited(OgmGe(Constant({"audio": 0.25}), seed=5), {"two": grad})["audio"]["two"]
    kept = edited(OgmGe(Constant({"audio": 1.0}), seed=5), {"two": grad})["audio"]["two"]
    torch.testing.assert_close(held - 0.25 * grad, kept - grad, rtol=1e-5, atol=1e-6)
    assert (kept - grad).norm() > 0.05, "noise where k is 1, too"


def test_a_gradient_without_a_spread_gets_only_the_floor():
    noise = edited(Noise({"audio": 1.0}), {"many": torch.zeros(200, 200)})["audio"]["many"]
    assert noise.std().item() == pytest.approx(1e-8, rel=0.02)


@PARTS
def test_one_element_gets_no_noise_and_others_none_out_of_scope(part):
    grads = {"one": torch.full((1, 1), 2.0), "bias": torch.tensor([1.0, 2.0, 3.0]), "two": normal(2), "many": normal(200)}
    found = edited(part(Constant({"audio": 0.5})), grads)["audio"]
    factor = 0.5 if part is OgmGe else 1
    assert found["one"].item() == 2.0 * factor
    assert torch.equal(found["bias"], grads["bias"])
    assert not torch.equal(found["two"], grads["two"])
    everywhere = edited(part(Constant({"audio": 0.5}), "all"), grads)["audio"]
    assert not torch.equal(everywhere["bias"], grads["bias"])
    assert everywhere["one"].item() == 2.0 * factor
    nowhere = edited(part(Constant({"audio": 0.5}), "conv"), grads)["audio"]
    assert all(torch.equal(nowhere[n], grads[n]) for n in grads)


def test_a_factor_of_nothing_changes_no_bit_and_draws_nothing():
    part = Noise(lambda index, readings: {"audio": float(index == 1)})
    run = toy.train(TWO, Recipe(act=(part,)), steps=2)
    assert identical(run.applied[0], run.raw[0])
    first = toy.train(TWO, Recipe(act=(Noise({"audio": 1.0}),)), steps=1)
    silent = toy.start(TWO, Recipe(act=(Noise({"audio": 0.0}),)))
    assert toy.advance(silent, toy.batches(TWO, 2)).balancer.act[0].state_dict()["generators"] == {}
    drawn = [r.applied[-1][WEIGHT] - r.raw[-1][WEIGHT] for r in (run, first)]
    unit = [d / r.raw[-1][WEIGHT].std() for d, r in zip(drawn, (run, first), strict=True)]
    torch.testing.assert_close(unit[0], unit[1], rtol=1e-4, atol=1e-5)


@PARTS
def test_every_modality_has_its_own_numbers_that_the_others_do_not_change(part):
    grads = {"many": normal(200), "two": normal(2)}
    both = edited(part(Constant(dict.fromkeys(("audio", "visual"), 1.0))), grads, ("audio", "visual"))
    alone = edited(part(Constant({"visual": 1.0})), grads, ("visual", "audio"))
    assert identical(both["visual"], alone["visual"])
    noises = [both[m]["many"] - grads["many"] for m in ("audio", "visual")]
    other = edited(part(Constant({"audio": 1.0}), seed=1), grads)["audio"]["many"] - grads["many"]
    for a, b in ((noises[0], noises[1]), (noises[0], other)):
        assert abs(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1].item()) < 0.02


@PARTS
def test_two_updates_draw_anew_and_a_skipped_one_draws_nothing(part):
    acts = part(Constant({"audio": 1.0}))
    run = toy.train(TWO, Recipe(act=(acts,)), steps=3)
    late = toy.train(TWO, Recipe(act=(Skip(lambda index, readings: {"audio": index == 0}), acts)), steps=2)

    def unit(run, step):
        return (run.applied[step][WEIGHT] - run.raw[step][WEIGHT]) / run.raw[step][WEIGHT].std()

    assert late.applied[0][WEIGHT] is None
    torch.testing.assert_close(unit(late, 1), unit(run, 0), rtol=1e-4, atol=1e-5)
    assert (unit(run, 1) - unit(run, 0)).abs().max() > 0.1


@PARTS
def test_outside_a_window_nothing_happens(part):
    run = toy.train(TWO, Recipe(act=(part(Between(Constant(dict.fromkeys(TWO, 0.5)), 2, 4)),)), steps=6)
    for t, (raw, applied) in enumerate(zip(run.raw, run.applied, strict=True)):
        assert identical(applied, raw) is (t not in (2, 3))
        assert torch.equal(applied[BIAS], raw[BIAS])


def test_ogm_ge_is_not_a_scale_and_then_a_noise():
    """Noise after a Scale has the scaled gradients' spread; OGM-GE's has that of the gradients before."""
    grad = {"many": normal(200)}
    one = edited(OgmGe(Constant({"audio": 0.1})), grad)["audio"]["many"] - 0.1 * grad["many"]
    net = Wide()
    balancer = Balancer({"audio": net}, act=[Scale({"audio": 0.1}), Noise({"audio": 1.0})])
    net(torch.ones(1)).backward()
    net.many.grad = grad["many"].clone()
    balancer.adjust()
    assert one.std().item() == pytest.approx(1, rel=0.02)
    assert (net.many.grad - 0.1 * grad["many"]).std().item() == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_other_floats_keep_their_type(dtype):
    net = Wide().to(dtype)
    balancer = Balancer({"audio": net}, act=[Noise({"audio": 1.0})])
    net(torch.ones(1, dtype=dtype)).backward()
    net.many.grad = normal(200).to(dtype)
    before = net.many.grad.clone()
    balancer.adjust()
    assert net.many.grad.dtype == dtype
    assert (net.many.grad - before).double().std().item() == pytest.approx(1, rel=0.03)


@PARTS
def test_a_sparse_gradient_is_refused_with_words(part):
    net = torch.nn.Embedding(5, 2, sparse=True)
    balancer = Balancer({"text": net}, act=[part(Constant({"text": 0.5}))])
    net(torch.tensor([1, 3])).sum().backward()
    with pytest.raises(ValueError, match=r"the gradient of 'weight' of 'text' is sparse.*make it dense"):
        balancer.adjust()


@PARTS
def test_a_state_of_another_kind_of_device_is_refused(part):
    run = toy.train(TWO, Recipe(act=(part(Constant({"audio": 1.0})),)), steps=1)
    state = through_file(run.balancer.state_dict())
    name = next(iter(state["parts"]))
    state["parts"][name]["generators"]["audio"] = torch.zeros(16, dtype=torch.uint8)  # as a GPU's is
    run.balancer.load_state_dict(state)
    with pytest.raises(ValueError, match="the noise of 'audio' was saved on another kind of device than cpu"):
        toy.advance(run, toy.batches(TWO, 1))


@PARTS
@pytest.mark.parametrize("factor", [-0.1, float("nan"), "1", True])
def test_factors_are_finite_and_not_negative(part, factor):
    with pytest.raises(ValueError, match="must be a finite number of at least 0, found"):
        part({"audio": factor})


@PARTS
def test_settings_are_checked(part):
    with pytest.raises(ValueError, match="`scope` must be one of 'all', 'weights', 'conv', found 'bias'"):
        part({"audio": 1.0}, "bias")
    with pytest.raises(ValueError, match=r"`seed` must be an integer, found 0.5"):
        part({"audio": 1.0}, seed=0.5)


def test_what_a_modality_got_is_told():
    recipe = Recipe(act=(Noise({"audio": 2.0}), OgmGe(Constant({"visual": 0.5}))))
    audio, visual, text = toy.train(THREE, recipe, steps=2).balancer.summary().splitlines()
    assert "noise of 2 times the gradients' spread on average" in audio
    assert "gradients scaled by 0.5 on average, with noise" in visual
    assert text == "text: 2 updates, 0 skipped, 0 held"
