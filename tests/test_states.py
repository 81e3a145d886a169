"""A saved state is taken over as a whole or not at all, and what is spoilt in it is refused in words."""

import copy
import math

import pytest
import torch
from torch import Tensor, nn

import toy
from asgml import Balancer, Recipe, recipes
from asgml.interventions import Delay, Intervention, Scale
from asgml.monitors import GradNorm, Probe
from table import ROWS
from toy import TWO, identical

OPTIONAL = {"left_out", "updates"}
RECORDED = {"measure.late", "act.1.Record"}
PARTS = [
    *("Probe", "MultilabelProbe", "RidgeProbe", "LossDescent", "ConflictShare", "WeightDrift", "ValidationProbe", "Smoothed"),
    *("Gap", "Speed", "Record", "Skip guarded", "Delay", "Scale weights with inertia", "Noise"),
]
"""Rows that hold every kind of memory once."""


def places(state, path=()):
    """Yield the path of everything in a state."""
    if TWO[1] not in path:  # it is as the other
        yield path
    pieces = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, list) else ()
    for key, piece in pieces:
        yield from places(piece, (*path, key))


def at(state, path):
    for key in path:
        state = state[key]
    return state


def other_values(value, path):
    """Return what can never stand where `value` does."""
    never = [None, "zzz", {"zzz": {"zzz": 1}}, ["zzz"], torch.ones(2, 3, 4, dtype=torch.long)]
    if isinstance(value, Tensor):
        wrong = [value[None], value.to(torch.int16)]
        return never + wrong + ([value * math.nan] if value.is_floating_point() and not RECORDED & {*path} else [])
    if isinstance(value, int):
        return [*never, -1, value + 0.5, True]
    return [*never, True] if isinstance(value, float) else [*never, 7]


def spoilt(state):
    """Yield (what was done, a copy of the state that is spoilt in one place)."""
    for path in places(state):
        for value in other_values(at(state, path), path):
            made = copy.deepcopy({"": state})
            at(made, ("", *path)[:-1])[("", *path)[-1]] = value
            yield f"{path} = {value!r}", made[""]
        key = path[-1] if path else None
        if (
            isinstance(key, str)
            and key not in {*TWO, *OPTIONAL}
            and not {"queues", "measure.weight_drift"} & {*path[1:-1]}
            and path[0] != "readings"
        ):
            made = copy.deepcopy(state)
            del at(made, path[:-1])[key]
            yield f"without {path}", made
        if key in TWO and not {"readings", "latest", "left_out", "measure.speed"} & {*path}:
            made = copy.deepcopy(state)
            at(made, path[:-1])["taste"] = at(made, path)
            yield f"{path[:-1]} of one modality more", made


@pytest.fixture(scope="module", params=PARTS)
def saved(request):
    """A recipe, and the state that it has after some updates."""
    recipe = ROWS[request.param].recipe(TWO)
    return recipe, toy.train(TWO, recipe, steps=5).balancer.state_dict()


@pytest.mark.filterwarnings("ignore:.*had a Balancer already:UserWarning")
def test_no_spoilt_state_is_taken_and_none_changes_anything(saved):
    recipe, state = saved
    balancer = toy.start(TWO, recipe).balancer
    before = copy.deepcopy(balancer.state_dict())
    taken = []
    for done, made in spoilt(state):
        try:
            balancer.load_state_dict(made)
        except ValueError as error:
            taken += [] if "state" in str(error) and identical(balancer.state_dict(), before) else [(done, error)]
        else:
            taken.append(done)
            before = copy.deepcopy(balancer.state_dict())
    assert taken == []
    balancer.load_state_dict(toy.through_file(state))
    assert identical(balancer.state_dict(), state)


class Mine(Intervention):
    """A part of somebody's own, which checks nothing beforehand."""

    def __init__(self, fails=False):
        self.fails, self.memory = fails, {"n": 0}

    def state_dict(self):
        return self.memory

    def load_state_dict(self, state):
        self.memory["n"] = state["n"]
        if self.fails:
            raise KeyError("later")


def test_a_part_that_refuses_late_leaves_those_before_it_as_they_were():
    made = [Balancer({"audio": nn.Linear(2, 2)}, act=[Scale({"audio": 0.5}), Mine(fails)]) for fails in (False, True)]
    made[0].act[1].memory["n"] = 7
    made[0].act[0]._given = {"audio": [1.0, 2.0]}
    made[1].act[1].load_state_dict = lambda state: Mine.load_state_dict(made[1].act[1], state) if state["n"] == 7 else None
    with pytest.raises(ValueError, match=r"`parts\['act.1.Mine'\]` is refused \(KeyError: 'later'\); nothing of it was taken"):
        made[1].load_state_dict(made[0].state_dict())
    assert made[1].act[0].state_dict() == {"given": {}, "applied": {}}


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ((), None, "the state cannot be loaded: `` must be a mapping of names, found None"),
        (("index",), -3, "`index` must be a whole number of at least 0, found -3"),
        (("skipping",), ["zzz"], r"`skipping` must be of \['audio', 'visual'\], found \['zzz'\]"),
        (("tally", "audio"), {}, r"`tally\['audio'\]` must be a mapping that has 'updated', found {}"),
        (
            ("parts", "act.0.Delay", "queues", "audio", 0, "first.weight"),
            torch.ones(3),
            r"`parts\['act.0.Delay'\]\['queues'\]\['audio'\]\[0\]\['first.weight'\]` must be a tensor of floating-point "
            r"numbers, of shape \(7, 4\), found a tensor of shape \(3,\)",
        ),
        (
            ("parts", "measure.probe", "audio", "weight"),
            torch.full((5, 3), math.nan),
            "finite numbers, found .* not all finite",
        ),
    ],
)
def test_the_words_name_the_place_and_what_must_stand_there(path, value, words):
    recipe = Recipe((GradNorm(), Probe(toy.CLASSES)), (Delay({"audio": 2}),))
    run = toy.train(TWO, recipe, steps=3)
    made = {"": copy.deepcopy(run.balancer.state_dict())}
    at(made, ("", *path)[:-1])[("", *path)[-1]] = value
    with pytest.raises(ValueError, match=words):
        run.balancer.load_state_dict(made[""])


def test_a_state_from_before_fits_after_parameters_were_added():
    run = toy.train(TWO, recipes.staleness("audio", tau=2), steps=4)
    audio = run.model.encoders["audio"]
    audio.last = nn.Sequential(audio.last, nn.Linear(toy.FEATURE, toy.FEATURE))
    toy.advance(run, toy.batches(TWO, 1))
    run.balancer.load_state_dict(toy.through_file(run.balancer.state_dict()))
