"""The Balancer: what it refuses, what it leaves alone, and how parts stand together."""

import pytest
import torch
from torch import nn

import toy
from asgml import Balancer, Readings, Recipe, recipes
from asgml.interventions import Delay, Intervention, Skip
from asgml.monitors import GradNorm, Monitor, Probe
from asgml.policies import Constant, OneIn
from toy import THREE, TWO, identical


def encoders(modalities=TWO):
    return {m: nn.Linear(2, 3) for m in modalities}


class Reads(Intervention):
    reads = frozenset({"score"})


class Bare(Intervention):
    """Doubles gradients by a bare function's word."""

    def __init__(self, by):
        self.by = by

    def adjust(self, step):
        for m, factor in self.by(step.index, step.readings).items():
            for _, p in step.with_grad(m):
                p.grad.mul_(factor)


SHARED = nn.Linear(2, 3)
REFUSED = {
    "no encoders": (lambda: Balancer({}), ValueError, "`encoders` must name at least one modality, found none"),
    "not a module": (
        lambda: Balancer({"audio": lambda x: x}),
        TypeError,
        r"`encoders\['audio'\]` must be an nn.Module of the model, or patterns of parameter names, found function",
    ),
    "shared": (
        lambda: Balancer({"a": SHARED, "b": nn.Sequential(SHARED)}),
        ValueError,
        r"encoders 'a' \('weight'\) and 'b' \('0.weight'\) share a parameter: they must be disjoint",
    ),
    "two of an exclusive class": (
        lambda: Balancer(encoders(), act=[Delay({"audio": 1}), Delay({"visual": 2})]),
        ValueError,
        "two Delay, which must be one: give one Delay all the modalities, or join recipes with +",
    ),
    "unknown modality": (
        lambda: Balancer(encoders(), recipes.frequency("adio", 2)),
        ValueError,
        r"acts on \['adio'\]; the modalities are \['audio', 'visual'\]",
    ),
    "a reading that nobody measures": (
        lambda: Balancer(encoders(), measure=[GradNorm()], act=[Reads()]),
        ValueError,
        r"reads \['score'\], which nobody measures; add a monitor of that name to `measure` \(have: \['grad_norm'\]\)",
    ),
    "one name twice": (
        lambda: Balancer(encoders(), measure=[Probe(3), Probe(4)]),
        ValueError,
        r"two monitors of one name \['probe'\]; give one of them another `name`",
    ),
    "an intervention among the monitors": (
        lambda: Balancer(encoders(), measure=[Delay({"audio": 1})]),
        TypeError,
        "`measure` must hold Monitors, found Delay",
    ),
    "a class instead of a part": (lambda: Balancer(encoders(), act=[Delay]), TypeError, "`act` must hold Interventions"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused_with_words(case):
    build, error, words = REFUSED[case]
    with pytest.raises(error, match=words):
        build()


def test_a_reading_that_a_bare_function_misses_raises_at_its_first_call():
    run = toy.start(TWO, Recipe((GradNorm(),), (Bare(lambda index, readings: {"audio": readings["score"]["audio"]}),)))
    with pytest.raises(KeyError, match=r"no monitor measures 'score': give one in `measure=` \(have: \['grad_norm'\]\)"):
        toy.advance(run, toy.batches(TWO, 1))


@pytest.mark.parametrize("modalities", [TWO, THREE])
def test_an_idle_balancer_changes_no_bit_and_removes_itself(modalities):
    run = toy.train(modalities)
    assert identical(run.weights(), toy.train(modalities, bare=True).weights())
    assert run.balancer.index == 8
    run.balancer.remove()
    assert not any(m._forward_hooks for m in run.model.modules())


def test_order_is_the_lists_order():
    today = lambda index, readings: {"audio": float(index + 1)}
    name, tau = "encoders.audio.first.weight", 2
    for act, factor in (
        ([Bare(today), Delay({"audio": tau})], lambda t: t - tau + 1),
        ([Delay({"audio": tau}), Bare(today)], lambda t: t + 1),
    ):
        run = toy.train(TWO, Recipe(act=tuple(act)))
        for t in range(tau, 8):
            torch.testing.assert_close(run.applied[t][name], run.raw[t - tau][name] * factor(t))


def test_a_recipe_is_data_two_balancers_share_nothing():
    recipe = Recipe((Probe(toy.CLASSES),), (Skip(OneIn(2, "audio")), Delay({"visual": 2})))
    first, second = toy.train(TWO, recipe), toy.train(TWO, recipe)
    assert identical(first.weights(), second.weights())
    assert recipe.measure[0].state_dict() == {}
    assert recipe.act[1].state_dict()["queues"] == {}


def test_parts_given_directly_are_the_users_own():
    probe = Probe(toy.CLASSES)
    run = toy.start(TWO, None)
    run.balancer.remove()
    balancer = Balancer(dict(run.model.encoders.items()), measure=[probe])
    assert balancer.measure == (probe,)
    assert balancer.measure[0] is probe


def test_attaching_after_compiling_is_an_error():
    """torch ignores a hook that is registered after the first compiled call; here the module is called past its hooks."""
    model = nn.ModuleDict(encoders())
    balancer = Balancer({"audio": model["audio"], "visual": model["visual"]}, recipes.frequency("audio", 2))
    (model["audio"].forward(torch.ones(1, 2)) + model["visual"](torch.ones(1, 2))).sum().backward()
    with pytest.raises(RuntimeError, match="'audio' has gradients, but its forward was never seen: attach the Balancer"):
        balancer.adjust()


def test_validation_passes_leave_no_trace():
    run = toy.start(TWO, Recipe((Probe(toy.CLASSES),), (Skip(Constant({"audio": True})),)))
    (inputs, labels), other = toy.batches(TWO, 2)
    run.model.eval()
    with torch.no_grad():
        run.model(other[0])
    run.model(other[0])  # in eval mode even without no_grad
    run.model.train()
    with torch.no_grad():
        run.model(other[0])
    toy.advance(run, [(inputs, labels)])
    assert run.balancer.tally["audio"]["skipped"] == 1


def test_an_encoder_that_returns_no_tensor_is_told_so():
    class Two(nn.Linear):
        def forward(self, x):
            return super().forward(x), x

    encoder = Two(2, 3)
    words = "the feature of encoder 'text' must be a tensor, found tuple: say which tensor of its output it is"
    with Balancer({"text": encoder}), pytest.raises(TypeError, match=words):
        encoder(torch.ones(1, 2))


def test_an_unused_encoder_is_left_out():
    run = toy.start(TWO, Recipe((GradNorm(), Probe(toy.CLASSES)), (Delay({"audio": 1}),)))
    inputs, labels = toy.batches(TWO, 1)[0]
    toy.advance(run, [({"visual": inputs["visual"]}, labels)])
    assert {m: set(v) for m, v in run.balancer.readings.items()} == {"grad_norm": {"visual"}, "probe": {"visual"}}
    assert sum(run.balancer.tally["audio"].values()) == 0


def test_targets_may_come_per_micro_batch_or_at_once_but_not_both():
    run, other = toy.start(TWO, Recipe((Probe(toy.CLASSES),))), toy.train(TWO, Recipe((Probe(toy.CLASSES),)), micro=2)
    adjust = run.balancer.adjust

    def adjust_after_observing(labels):
        for part in labels.chunk(2):
            run.balancer.observe(part)
        adjust()

    run.balancer.adjust = adjust_after_observing
    toy.advance(run, toy.batches(TWO, 8), micro=2)
    assert identical(run.balancer.state_dict(), other.balancer.state_dict())
    run.balancer.observe(torch.zeros(2))
    with pytest.raises(ValueError, match="targets came through `observe` and through `adjust`: give them once"):
        adjust(torch.zeros(2))


def test_another_pipelines_state_is_refused():
    state = toy.train(TWO, recipes.frequency("audio", 2)).balancer.state_dict()
    with pytest.raises(ValueError, match=r"saved with parts \['act.0.Skip'\], this Balancer has \['act.0.Delay'\]"):
        toy.start(TWO, recipes.staleness("audio", 2)).balancer.load_state_dict(state)
    with pytest.raises(ValueError, match="saved with modalities"):
        toy.start(THREE, recipes.frequency("audio", 2)).balancer.load_state_dict(state)


def test_repr_prints_the_pipeline_in_order():
    balancer = Balancer(encoders(), recipes.frequency("audio", 2) + recipes.staleness("visual", 1), measure=[GradNorm()])
    text = repr(balancer)
    places = [text.index(word) for word in ("audio", "GradNorm", "Skip", "Delay")]
    assert places == sorted(places)
    assert repr(Balancer(encoders())) == "Balancer(['audio', 'visual'])"


class Nothing(Monitor):
    name = "nothing"

    def measure(self, step):
        return {}


def test_a_monitor_may_measure_nothing_and_a_modality_may_be_frozen():
    model = nn.ModuleDict(encoders())
    for p in model["audio"].parameters():
        p.requires_grad_(False)
    balancer = Balancer(dict(model.items()), Recipe((Nothing(), GradNorm()), (Delay({"audio": 1}),)))
    (model["audio"](torch.ones(1, 2)) + model["visual"](torch.ones(1, 2))).sum().backward()
    assert balancer.adjust() == {"nothing": {}, "grad_norm": {"visual": pytest.approx(3.0)}}
    assert balancer.tally["audio"] == {"updated": 0, "skipped": 0, "held": 0}


def test_readings_are_dictionaries_with_words():
    readings = Readings({"probe": {"audio": 0.5}}, awaited=["probe"])
    assert readings["probe"]["audio"] == 0.5
    assert readings.get("score") is None
    assert "score" not in readings


def test_readings_go_into_files_that_torch_reads_without_code(tmp_path):
    """Policies get words for what was not measured; files get plain mappings."""
    net = nn.ModuleDict({"audio": nn.Linear(4, 5), "visual": nn.Linear(6, 5)})
    balancer = Balancer(dict(net.items()), measure=[GradNorm()])
    (net["audio"](torch.ones(3, 4)) + net["visual"](torch.ones(3, 6))).sum().backward()
    readings = balancer.adjust()
    assert {type(values) for values in readings.values()} == {dict}
    torch.save((dict(readings), dict(balancer.readings)), tmp_path / "seen.pt")
    assert torch.load(tmp_path / "seen.pt", weights_only=True) == (dict(readings), dict(balancer.readings))
