"""Encoders that learn unseen, updates without a forward, and modalities of which nothing is measured."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from asgml import Balancer, Recipe, recipes
from asgml.interventions import Delay, Scale, Skip
from asgml.monitors import Derived, Difference, GradNorm, Probe, RidgeProbe, Score, Smoothed, ValidationProbe, WeightDrift
from asgml.policies import Boost, Constant
from test_features import Net, batch, encoders


class Always:
    """Skips audio, by the word of a reading."""

    modalities = frozenset({"audio"})

    def __init__(self, reading):
        self.reads = frozenset({reading})

    def __call__(self, index, readings):
        readings[next(iter(self.reads))]
        return {"audio": True}


class Half(Derived):
    name, reads = "half", frozenset({"probe"})

    def derive(self, index, readings):
        return {m: value / 2 for m, value in readings["probe"].items()}


def update(net, balancer, optimizer, seed, **given):
    audio, visual, labels = batch(seed)
    cross_entropy(net(audio, visual), labels).backward()
    found = balancer.adjust(labels, **given)
    optimizer.step()
    optimizer.zero_grad()
    return found


def updates(net, balancer, optimizer, n):
    for seed in range(n):
        update(net, balancer, optimizer, seed)


def left_in_eval(recipe=None, measure=(), model=False, after=3):
    """A run whose model was left in eval mode by a validation after some updates."""
    net = Net()
    balancer = Balancer(encoders(net), recipe, measure=measure, model=net if model else None)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for seed in range(after):
        update(net, balancer, optimizer, seed)
    net.eval()
    with torch.no_grad():
        net(*batch(99)[:2])
    return net, balancer, optimizer


LOOKS = {
    "nothing decides": dict(measure=[GradNorm(), Probe(3)]),
    "a schedule": dict(recipe=recipes.frequency("audio", k=2), measure=[Probe(3)]),
    "a delay": dict(recipe=recipes.staleness("audio", tau=1)),
    "a policy on what is not frozen": dict(recipe=Recipe((GradNorm(), Probe(3)), (Scale(Boost("grad_norm")),))),
    "a bare function and no feature": dict(recipe=Recipe((GradNorm(),), (Scale(lambda index, readings: {"audio": 0.5}),))),
}


@pytest.mark.parametrize("model", [False, True])
@pytest.mark.parametrize("name", LOOKS)
def test_a_model_left_in_eval_mode_is_told_of_once_and_counted(name, model):
    net, balancer, optimizer = left_in_eval(**LOOKS[name], model=model)
    before = {m: sum(counts.values()) for m, counts in balancer.tally.items()}
    words = r"encoder 'audio', 'visual' has gradients, but its forward ran in eval mode, .*: after .* call `model.train\(\)`"
    with pytest.warns(UserWarning, match=words) as said:
        updates(net, balancer, optimizer, 4)
    assert len(said) == 1
    assert {m: sum(counts.values()) - n for (m, counts), n in zip(balancer.tally.items(), before.values(), strict=True)} == {
        "audio": 4,
        "visual": 4,
    }
    net.train()
    update(net, balancer, optimizer, 9)


def test_skips_are_counted_and_the_guard_goes_on():
    net, balancer, optimizer = left_in_eval(act_recipe(), after=2)
    with pytest.warns(UserWarning, match="ran in eval mode"):
        moved = [_moved(net, balancer, optimizer, seed) for seed in range(8)]
    assert moved == [False, True, False, False, False, True, False, False] or sum(moved) == 2
    assert balancer.tally["audio"] == {"updated": 2, "skipped": 8, "held": 0}
    assert balancer.act[0].forced == {"audio": 2}


def act_recipe():
    return Recipe(act=(Skip(Constant({"audio": True}), at_most=3),))


def _moved(net, balancer, optimizer, seed):
    before = net.audio.weight.clone()
    update(net, balancer, optimizer, seed)
    return not torch.equal(before, net.audio.weight)


STEERED = {
    "its name": Recipe((Probe(3),), (Skip(Always("probe"), at_most=3),)),
    "what is made of it": Recipe((Probe(3), Half()), (Skip(Always("half")),)),
    "its average": Recipe((Smoothed(Probe(3)),), (Skip(Always("smoothed_probe")),)),
    "adaptive": recipes.adaptive(Probe(3), drive="frequency"),
    "a bare function": Recipe((Probe(3),), (Scale(lambda index, readings: {"audio": 0.5}),)),
}


@pytest.mark.parametrize("model", [False, True])
@pytest.mark.parametrize("name", STEERED)
def test_it_is_refused_where_a_policy_reads_what_stands_still(name, model):
    net, balancer, optimizer = left_in_eval(STEERED[name], model=model)
    index, state = balancer.index, balancer.measure[0].state_dict()
    with pytest.raises(
        RuntimeError, match=r"ran in eval mode, .* may decide by \[.*'(smoothed_)?probe'\], which would stand still"
    ):
        update(net, balancer, optimizer, 5)
    assert (balancer.index, balancer.measure[0].state_dict()) == (index, state)


def test_a_probe_that_runs_the_encoders_itself_does_not_stand_still():
    net = Net()
    held = [({"audio": batch(0)[0]}, batch(0)[2])]
    told = ValidationProbe(3, {"audio": net.audio}, held, 1, training=held)
    balancer = Balancer(encoders(net), Recipe((told,), (Scale(Boost("validation_probe")),)))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    update(net, balancer, optimizer, 0)
    net.eval()
    with pytest.warns(UserWarning, match="ran in eval mode"):
        assert update(net, balancer, optimizer, 1)["validation_probe"]


@pytest.mark.parametrize("to_none", [True, False])
def test_a_batch_that_lacks_a_modality_is_no_fault(to_none):
    net = Net()
    balancer = Balancer(encoders(net), Recipe((Probe(3),), (Delay({"audio": 1}), Scale(Boost("probe")))))
    for seed in range(5):
        audio, visual, labels = batch(seed)
        feature = net.audio(audio) if seed % 2 == 0 else torch.zeros(8, 5)
        cross_entropy(net.head(torch.cat([feature, net.visual(visual)], 1)), labels).backward()
        balancer.adjust(labels)
        net.zero_grad(set_to_none=to_none)
    assert sum(balancer.tally["audio"].values()) == 3 or not to_none, "an optimizer moves by a gradient of zeros, too"
    assert sum(balancer.tally["visual"].values()) == 5


def test_gradients_of_an_earlier_update_that_were_not_zeroed():
    net = Net()
    balancer = Balancer(encoders(net), measure=[GradNorm()])
    cross_entropy(net(*batch(0)[:2]), batch(0)[2]).backward()
    balancer.adjust()
    net.visual(batch(1)[1]).sum().backward()
    with pytest.warns(
        UserWarning, match=r"encoder 'audio' has gradients, but its forward was not seen in this update, .* zeroed"
    ):
        balancer.adjust()


PARTS = {"none": {}, "measure": dict(measure=[GradNorm(), Probe(3)]), "act": dict(recipe=recipes.frequency("audio", 2))}


@pytest.mark.parametrize("model", [False, True])
@pytest.mark.parametrize("zeroed", [False, True])
@pytest.mark.parametrize("name", PARTS)
def test_an_update_without_a_forward_is_refused(name, zeroed, model):
    net = Net()
    balancer = Balancer(encoders(net), **PARTS[name], model=net if model else None)
    labels = batch(0)[2]
    words = "no forward of an encoder was seen since the last `adjust`: call `adjust` once per update"
    with pytest.raises(RuntimeError, match=words):
        balancer.adjust(labels)
    for _ in range(2):
        cross_entropy(net(*batch(0)[:2]), labels).backward()
        balancer.adjust(labels)
        state = balancer.state_dict()
        if zeroed:
            net.zero_grad()
        with pytest.raises(RuntimeError, match=words):
            balancer.adjust(labels)
        with torch.no_grad():
            net(*batch(1)[:2]) if not model else None  # a validation is no forward of an update
        with pytest.raises(RuntimeError, match=words):
            balancer.adjust(labels)
        assert balancer.state_dict()["index"] == state["index"]
        assert balancer.tally == state["tally"]
        net.zero_grad()
    assert balancer.index == 2


@torch.no_grad()
def _without_gradient(encoder, x):
    return encoder(x)


def test_an_encoder_under_no_grad_is_told_of():
    net = Net()
    balancer = Balancer(encoders(net), measure=[GradNorm(), Probe(3), Score({"audio": nn.Linear(5, 3)})])
    blind = lambda audio, visual: net.head(torch.cat([_without_gradient(net.audio, audio), net.visual(visual)], 1))
    net.forward = blind
    words = (
        r"encoder 'audio' runs under torch.no_grad\(\), .* \['probe', 'score'\] will have no value of it. .*`encoder.requires"
    )
    with pytest.warns(UserWarning, match=words) as said:
        updates(net, balancer, torch.optim.SGD(net.parameters(), lr=0.1), 3)
    assert len(said) == 1
    assert "audio: 0 updates, 0 skipped, 0 held, its forward was seen under torch.no_grad() alone" in balancer.summary()
    with pytest.raises(KeyError, match="'probe' has no value of 'audio' so far: every update left it out"):
        balancer.readings["probe"]["audio"]
    with pytest.raises(KeyError, match=r"'probe' has no value of 'adio' \(have: \['visual'\]\)"):
        balancer.readings["probe"]["adio"]


def test_a_policy_that_asks_for_it_decides_nothing_yet():
    net = Net()
    policy = lambda index, readings: {"audio": readings["probe"]["audio"] > -1}
    balancer = Balancer(encoders(net), Recipe((Probe(3),), (Skip(policy),)))
    net.visual(batch(0)[1]).sum().backward()
    balancer.adjust(batch(0)[2])
    assert balancer.skipping == frozenset()
    net(*batch(0)[:2]).sum().backward()
    balancer.adjust(batch(0)[2])
    assert balancer.skipping == {"audio"}


def test_a_modality_that_is_never_seen_stands_in_the_summary():
    net = Net()
    balancer = Balancer(encoders(net), measure=[Probe(3)])
    assert "never seen" not in balancer.summary()
    net.visual(batch(0)[1]).sum().backward()
    balancer.adjust(batch(0)[2])
    assert balancer.summary().splitlines() == [
        "audio: 0 updates, 0 skipped, 0 held, its forward was never seen",
        "visual: 1 updates, 0 skipped, 0 held",
    ]


PROBES = [Probe(3), RidgeProbe(), Smoothed(Probe(3)), Score({"audio": nn.Linear(5, 3)})]


@pytest.mark.parametrize("probe", PROBES, ids=lambda p: p.name)
def test_features_of_parameter_names_are_asked_for_with_words(probe):
    net = Net()
    with pytest.raises(
        ValueError, match=rf"`measure`: \['{probe.name}'\] look at features, and \['audio'\], given as parameter"
    ):
        Balancer({"audio": "audio.*"}, measure=[probe], model=net)
    with pytest.warns(
        UserWarning, match=r"\['audio'\], given as parameter names, have none: they are left out of these readings"
    ):
        balancer = Balancer({"audio": "audio.*", "visual": net.visual}, measure=[probe, GradNorm()], model=net)
    net(*batch(0)[:2]).sum().backward()
    balancer.adjust(batch(0)[2])
    assert (
        f"audio: 1 updates, 0 skipped, 0 held, without {probe.name}, since it was given as parameter names"
        in balancer.summary()
    )


def test_parameter_names_are_fine_where_nobody_looks_at_features():
    parts = [GradNorm(), WeightDrift(), Difference("grad_norm", "weight_drift")]
    balancer = Balancer({"audio": "audio.*"}, measure=parts, model=Net())
    assert balancer.summary() == "audio: 0 updates, 0 skipped, 0 held"


@pytest.mark.parametrize(
    ("present", "words"),
    [
        ({"audo": torch.ones(8, dtype=torch.bool)}, r"`present` names \['audo'\]; the modalities are \['audio', 'visual'\]"),
        ({"audio": torch.ones(8, dtype=torch.long)}, r"`present\['audio'\]` must be a bool tensor of shape \(8,\), .*int64"),
        (
            {"audio": torch.ones(7, dtype=torch.bool)},
            r"must be a bool tensor of shape \(8,\), True in the rows .* found \(7,\)",
        ),
        ({"audio": torch.ones(8, 1, dtype=torch.bool)}, r"found \(8, 1\), torch.bool"),
    ],
)
@pytest.mark.parametrize("how", ["adjust", "observe"])
def test_masks_are_checked(how, present, words):
    net = Net()
    balancer = Balancer(encoders(net), measure=[Probe(3)])
    cross_entropy(net(*batch(0)[:2]), batch(0)[2]).backward()
    with pytest.raises(ValueError, match=words):
        getattr(balancer, how)(batch(0)[2], present=present)


def test_masks_may_be_lists():
    net = Net()
    balancer = Balancer(encoders(net), measure=[Probe(3)])
    audio, visual, labels = batch(0)
    cross_entropy(net(audio[:5], visual[:5]), labels[:5]).backward()
    mask = [True] * 5 + [False] * 3
    assert set(balancer.adjust(labels, present={"audio": mask, "visual": mask})["probe"]) == {"audio", "visual"}


def test_a_run_without_a_model_mode_of_its_own_resumes_what_it_said(tmp_path):
    """Readings that came through a file answer as before."""
    net = Net()
    balancer = Balancer(encoders(net), measure=[Probe(3)])
    net.visual(batch(0)[1]).sum().backward()
    balancer.adjust(batch(0)[2])
    torch.save(balancer.state_dict(), tmp_path / "state.pt")
    other = Balancer(encoders(Net()), measure=[Probe(3)])
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert other.readings == balancer.readings
    with pytest.raises(KeyError, match="'probe' has no value of 'audio' so far"):
        other.readings["probe"]["audio"]
