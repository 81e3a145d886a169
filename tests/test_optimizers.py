"""What Adam makes of a factor: cancelled on gradients, which is said once; not cancelled on a learning rate."""

import warnings

import pytest
import torch
from torch import nn

import toy
from asgml import Balancer, Recipe, parameter_groups, recipes
from asgml.interventions import Delay, Noise, OgmGe, Scale
from asgml.monitors import Probe
from asgml.policies import Constant
from toy import THREE, TWO, identical

GRADIENTS = (1.0, 0.5, -0.2, 0.8)
SCALING = [Scale({"audio": 0.5}), OgmGe(Constant({"audio": 0.5}))]
ADAPTIVE = ["Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop", "SparseAdam"]
NOT = ["SGD", "ASGD"]


def path(kind, factor, lr=0.01):
    """The way of one weight from 1 under gradients times a factor."""
    theta = nn.Parameter(torch.ones(()))
    optimizer, points = kind([theta], lr=lr), []
    for gradient in GRADIENTS:
        theta.grad = torch.tensor(gradient * factor)
        optimizer.step()
        points.append(theta.item())
    return points


def test_adam_cancels_a_factor_on_gradients_and_sgd_does_not():
    """Golden values, from torch's optimizers."""
    adam = [0.99, 0.9806782, 0.9747111, 0.9673673]
    assert path(torch.optim.Adam, 1) == pytest.approx(adam, abs=1e-6)
    assert path(torch.optim.Adam, 0.1) == pytest.approx(adam, abs=1e-6)
    assert path(torch.optim.SGD, 1) == pytest.approx([0.99, 0.985, 0.987, 0.979], abs=1e-6)
    assert path(torch.optim.SGD, 0.1) == pytest.approx([0.999, 0.9985, 0.9987, 0.9978999], abs=1e-6)
    slower = path(torch.optim.Adam, 1, lr=0.001)
    assert [1 - p for p in slower] == pytest.approx([(1 - p) / 10 for p in adam], abs=1e-6), "on the rate it acts"


def attach(optimizer, *act, recipe=None):
    model = toy.Toy(TWO)
    made = optimizer(model) if callable(optimizer) else optimizer
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        Balancer(dict(model.encoders.items()), recipe, act=act, optimizer=made)
    return said


def of(name):
    return lambda model: getattr(torch.optim, name)(model.parameters(), lr=0.1)


@pytest.mark.parametrize("part", SCALING, ids=lambda part: type(part).__name__)
@pytest.mark.parametrize("name", ADAPTIVE)
def test_a_scaling_part_before_an_adaptive_optimizer_is_warned_of_once(name, part):
    said = attach(of(name), part, *SCALING)
    assert [w.category for w in said] == [UserWarning]
    words = str(said[0].message)
    assert words.startswith(f"{type(part).__name__} multiplies gradients by a factor, and {name} divides them")
    assert "Use SGD" in words
    assert "recipes.frequency" in words
    assert "asgml.parameter_groups" in words
    assert said[0].filename == __file__, "the line that makes the Balancer"


@pytest.mark.parametrize("name", NOT)
def test_nothing_is_said_where_nothing_cancels(name):
    assert attach(of(name), *SCALING) == []
    assert attach(None, *SCALING) == []
    assert attach(of("Adam"), Noise({"audio": 1.0}), Delay({"audio": 1})) == []
    assert attach(of("Adam"), recipe=recipes.frequency("audio", 2)) == []


def test_a_recipe_a_subclass_one_of_several_and_a_wrapped_one_are_seen():
    class Own(torch.optim.AdamW):
        pass

    class Wrapper(torch.optim.Optimizer):
        def __init__(self, inner):
            self.optimizer = inner

    boost = recipes.boost(Probe(3))
    (said,) = attach(lambda model: Own(model.parameters()), recipe=boost)
    assert "and Own divides them" in str(said.message)
    several = lambda model: (of("SGD")(model), of("Adam")(model))
    assert len(attach(several, recipe=boost)) == 1
    assert len(attach(lambda model: Wrapper(of("RMSprop")(model)), recipe=boost)) == 1
    assert attach(lambda model: Wrapper(of("SGD")(model)), recipe=boost) == []


def test_what_is_no_optimizer_is_refused():
    with pytest.raises(TypeError, match="`optimizer` must be a torch optimizer or a sequence of them, found Linear"):
        Balancer({"audio": nn.Linear(2, 2)}, optimizer=nn.Linear(2, 2))


def groups(factors, model, lr=0.1):
    return parameter_groups(model, dict(model.encoders.items()), lr, factors)


def test_the_groups_are_the_named_encoders_and_then_the_rest():
    model = toy.Toy(THREE)
    text, audio, rest = groups({"text": 0.5, "audio": 3}, model)
    assert [g["lr"] for g in (text, audio, rest)] == [0.05, pytest.approx(0.3), 0.1]
    assert [id(p) for p in text["params"]] == [id(p) for p in model.encoders["text"].parameters()]
    assert [id(p) for p in audio["params"]] == [id(p) for p in model.encoders["audio"].parameters()]
    named = {id(p) for m in ("text", "audio") for p in model.encoders[m].parameters()}
    assert [id(p) for p in rest["params"]] == [id(p) for p in model.parameters() if id(p) not in named]


def train(kind, factors, steps=4, **settings):
    run = toy.start(TWO, None, bare=True)
    run.optimizer = kind(
        groups(factors, run.model, 0.01) if factors is not None else run.model.parameters(), lr=0.01, **settings
    )
    return toy.advance(run, toy.batches(TWO, steps)).weights()


@pytest.mark.parametrize("kind", [torch.optim.AdamW, torch.optim.SGD])
@pytest.mark.parametrize("factors", [{}, {"audio": 1.0}, dict.fromkeys(TWO, 1.0)])
def test_factors_of_one_train_bit_for_bit_as_no_groups(kind, factors):
    assert identical(train(kind, factors), train(kind, None))


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.SGD])
def test_a_factor_acts_on_its_encoder_by_as_much_under_adam_and_sgd(kind):
    start, one = toy.Toy(TWO).state_dict(), train(kind, None, 1)
    slow = train(kind, {"audio": 0.25}, 1)
    for name in start:
        factor = 0.25 if name.startswith("encoders.audio") else 1
        torch.testing.assert_close(slow[name] - start[name], factor * (one[name] - start[name]), rtol=1e-4, atol=1e-7)


def test_a_model_of_encoders_alone_and_encoders_by_pattern():
    net = nn.ModuleDict({"audio": nn.Linear(2, 3), "visual": nn.Linear(4, 3)})
    made = parameter_groups(net, {"audio": "audio.*", "visual": net["visual"]}, 0.1, {"audio": 0.5, "visual": 2})
    assert made[-1] == {"params": [], "lr": 0.1}
    assert [len(g["params"]) for g in torch.optim.Adam(made).param_groups] == [2, 2, 0]
    assert parameter_groups(net, {}, 0.1, {})[0]["params"] == list(net.parameters())


@pytest.mark.parametrize("factor", [0, -1, float("nan"), float("inf"), True, "2", None])
def test_factors_and_rates_are_above_zero(factor):
    with pytest.raises(ValueError, match=r"`factors` must be finite numbers above 0, found .*; to stop an encoder, skip its"):
        groups({"audio": factor}, toy.Toy(TWO))
    with pytest.raises(ValueError, match="`lr` must be a finite number above 0, found"):
        groups({}, toy.Toy(TWO), factor)


def test_unknown_shared_and_foreign_encoders_are_refused():
    model, net = toy.Toy(TWO), nn.Linear(2, 2)
    with pytest.raises(ValueError, match=r"`factors` names \['text'\]; `encoders` has \['audio', 'visual'\]"):
        groups({"text": 0.5}, model)
    with pytest.raises(ValueError, match=r"encoders 'a' .* and 'b' .* share a parameter"):
        parameter_groups(net, {"a": net, "b": net}, 0.1, {"a": 0.5})
    with pytest.raises(ValueError, match=r"`encoders\['audio'\]` has parameters that `model` has not"):
        parameter_groups(model, {"audio": net}, 0.1, {"audio": 0.5})


def test_a_recipe_without_scales_says_so():
    assert [part.scales for part in (*SCALING, Noise({}), Delay({}))] == [True, True, False, False]
    assert not any(part.scales for part in (Recipe() + recipes.frequency("audio", 2) + recipes.noise("audio")).act)


class Wrapped(torch.optim.SGD):
    """As Accelerate wraps an optimizer."""

    def __init__(self, optimizer):
        super().__init__([torch.zeros(1)])
        self.optimizer = optimizer


class Closure(torch.optim.SGD):
    def step(self, closure):
        return super().step(closure)


@pytest.mark.parametrize("kind", [torch.optim.LBFGS, Closure])
@pytest.mark.parametrize("given", [lambda o: o, lambda o: [o], Wrapped])
def test_an_optimizer_that_needs_a_closure_is_refused(kind, given):
    net = nn.Linear(2, 2)
    words = rf"`optimizer`: the `step` of {kind.__name__} needs a closure.* call `balancer.forget\(\)` after each but the last"
    with pytest.raises(TypeError, match=words):
        Balancer({"audio": net}, optimizer=given(kind(net.parameters())))
    assert not net._forward_hooks
    assert Balancer({"audio": net}, optimizer=torch.optim.AdamW(net.parameters())).index == 0
