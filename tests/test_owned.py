"""Parameters that are replaced or added after the Balancer was made are taken up; encoders that are replaced are refused."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import prune
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

import toy
from asgml import Balancer, Recipe, recipes
from asgml.interventions import Delay, Scale
from asgml.monitors import GradNorm, WeightDrift
from toy import TWO, identical


class Lora(nn.Module):
    """A frozen layer and two small matrices beside it."""

    def __init__(self, base):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Parameter(torch.full((2, base.in_features), 0.1))
        self.up = nn.Parameter(torch.full((base.out_features, 2), 0.1))

    def forward(self, x):
        return self.base(x) + x @ self.down.T @ self.up.T


def lora(audio):
    audio.first = Lora(audio.first)


def a_layer(audio):
    audio.last = nn.Sequential(audio.last, nn.Linear(toy.FEATURE, toy.FEATURE))
    nn.init.eye_(audio.last[1].weight)


def assigned(audio):
    audio.load_state_dict({name: value.clone() for name, value in audio.state_dict().items()}, assign=True)


def emptied(audio):
    state = copy.deepcopy(audio.state_dict())
    audio.to("meta").to_empty(device="cpu").load_state_dict(state)


def a_parameter(audio):
    audio.first.weight = nn.Parameter(audio.first.weight.detach().clone())


def by_hand(audio):
    audio.first._parameters["weight"] = nn.Parameter(audio.first.weight.detach().clone())


def data(audio):
    audio.first.weight.data = audio.first.weight.data.clone()


def wider(audio):
    audio.first, audio.last = nn.Linear(4, 9), nn.Linear(9, toy.FEATURE)
    for p in audio.parameters():
        nn.init.constant_(p, 0.1)


CHANGES = {
    "weight_norm": lambda audio: weight_norm(audio.first),
    "spectral_norm": lambda audio: spectral_norm(audio.first),
    "pruned": lambda audio: prune.l1_unstructured(audio.first, "weight", 0.5),
    "lora": lora,
    "a new layer": a_layer,
    "assigned": assigned,
    "emptied": emptied,
    "a new parameter": a_parameter,
    "by hand": by_hand,
    "other data": data,
    "resized": wider,
}
ACT = {
    "frequency": recipes.frequency("audio", k=2),
    "staleness": recipes.staleness("audio", tau=2),
    "scale": Recipe(act=(Scale({"audio": 0.5}),)),
}


def run_of(recipe, change, when, given):
    """A run whose audio encoder is changed before or after the Balancer is made."""
    run = toy.start(TWO, None, bare=True)
    torch.manual_seed(0)
    if when == "before":
        change(run.model.encoders["audio"])
    encoders, model = dict(run.model.encoders.items()), run.model if given else None
    run.balancer = Balancer(encoders, recipe, measure=[GradNorm(), WeightDrift()], model=model)
    if when == "after":
        change(run.model.encoders["audio"])
    run.optimizer = torch.optim.SGD(run.model.parameters(), lr=0.1)
    return toy.advance(run, toy.batches(TWO, 6))


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("act", ACT)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_after_the_balancer_was_made_is_as_one_before(change, act, given):
    before, after = (run_of(ACT[act], CHANGES[change], when, given) for when in ("before", "after"))
    assert identical(before.weights(), after.weights())
    assert after.balancer.tally == before.balancer.tally
    assert after.balancer.readings == before.balancer.readings


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_in_mid_run_reaches_every_parameter(change):
    run = toy.start(TWO, Recipe((GradNorm(), WeightDrift()), (Delay({"audio": 2}), Scale({"audio": 0.5}))))
    toy.advance(run, toy.batches(TWO, 4))
    audio = run.model.encoders["audio"]
    CHANGES[change](audio)
    run.optimizer = torch.optim.SGD(run.model.parameters(), lr=0.1)
    run.raw.clear(), run.applied.clear()
    toy.advance(run, toy.batches(TWO, 6))
    names = [f"encoders.audio.{n}" for n, p in audio.named_parameters() if p.requires_grad and "unused" not in n]
    for name in names:
        assert torch.equal(run.applied[5][name], run.raw[3][name] * 0.5), name
    norm = torch.stack([run.raw[5][name].norm() for name in names]).norm().item()
    assert run.balancer.readings["grad_norm"]["audio"] == pytest.approx(norm)
    kept = run.balancer.state_dict()["parts"]["act.0.Delay"]["queues"]["audio"]
    assert all(grads.keys() <= dict(audio.named_parameters()).keys() for grads in kept)


def test_lazy_layers_are_taken_up_once_they_know_their_size():
    torch.manual_seed(0)
    audio, visual = nn.Sequential(nn.LazyLinear(7), nn.LazyBatchNorm1d(), nn.LazyLinear(5)), nn.Linear(6, 5)
    balancer = Balancer({"audio": audio, "visual": visual}, ACT["scale"], measure=[GradNorm(), WeightDrift()])
    (audio(torch.ones(3, 4)).square().sum() + visual(torch.ones(3, 6)).sum()).backward()
    raw = [p.grad.clone() for p in audio.parameters()]
    balancer.adjust()
    assert all(torch.equal(p.grad, g * 0.5) for p, g in zip(audio.parameters(), raw, strict=True))


def test_patterns_are_matched_anew():
    model = toy.Toy(TWO)
    balancer = Balancer({"audio": "encoders.audio.*"}, ACT["scale"], model=model)
    weight_norm(model.encoders["audio"].first)
    model(toy.batches(TWO, 1)[0][0]).sum().backward()
    raw = {n: p.grad.clone() for n, p in model.encoders["audio"].named_parameters() if p.grad is not None}
    balancer.adjust()
    assert all(torch.equal(model.encoders["audio"].get_parameter(n).grad, g * 0.5) for n, g in raw.items())


REPLACED = {
    "by another": lambda model: setattr(model.encoders, "audio", toy.Encoder(4)),
    "by one around it": lambda model: setattr(model.encoders, "audio", nn.Sequential(model.encoders["audio"], nn.Linear(5, 5))),
    "by hand": lambda model: model.encoders._modules.update(audio=toy.Encoder(4)),
    "together with its container": lambda model: setattr(model, "encoders", copy.deepcopy(model.encoders)),
}


@pytest.mark.parametrize(("how", "given"), [*((how, True) for how in REPLACED), *((how, False) for how in list(REPLACED)[:2])])
def test_an_encoder_that_was_replaced_is_refused_with_words(how, given):
    model = toy.Toy(TWO)
    balancer = Balancer(dict(model.encoders.items()), ACT["scale"], model=model if given else None)
    REPLACED[how](model)
    model(toy.batches(TWO, 1)[0][0]).sum().backward()
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"encoder 'audio' was replaced after .* stands at '.*audio' in the model now"):
            balancer.adjust()


@pytest.mark.parametrize("given", [True, False])
def test_what_only_wraps_an_encoder_or_takes_its_place_for_a_while_is_no_change(given):
    model = toy.Toy(TWO)
    balancer = Balancer(dict(model.encoders.items()), ACT["scale"], model=model if given else None)
    audio = model.encoders["audio"]
    model.encoders["audio"] = toy.Encoder(4)  # as averaged weights stand in for a validation
    model.encoders["audio"] = audio
    model.encoders["visual"] = nn.Sequential(model.encoders["visual"], nn.Identity())
    for _ in range(2):
        model(toy.batches(TWO, 1)[0][0]).sum().backward()
        balancer.adjust()
    assert balancer.tally == {
        "audio": {"updated": 2, "skipped": 0, "held": 0},
        "visual": {"updated": 2, "skipped": 0, "held": 0},
    }


def test_who_looks_on_leaves_nothing_behind():
    hooks = torch.nn.modules.module._global_module_registration_hooks
    before = len(hooks)
    balancer = Balancer({"audio": nn.Linear(2, 2)}, ACT["scale"])
    assert len(hooks) == before + 1
    copied = copy.deepcopy(balancer._owned)
    assert copied.current()["audio"]["weight"] is not balancer.params["audio"]["weight"]
    del copied
    del balancer
    assert len(hooks) == before
