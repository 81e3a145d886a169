"""ValidationProbe: held-out batches in turn, scored by a probe that has only seen training features."""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

import toy
from asgml import Balancer, Recipe
from asgml.interventions import Skip
from asgml.monitors import Probe, ValidationProbe
from asgml.monitors._held_out import HeldOut
from asgml.policies import Constant
from steps import step_of, told


def same(x):
    return x


def rows(n, good=True, seed=0):
    """Two classes apart in 4 dimensions; with `good` False, labels that follow no rule."""
    g = torch.Generator().manual_seed(seed)
    y = torch.randint(2, (n,), generator=g)
    return (2.0 * y[:, None] - 1) * good + 0.3 * torch.randn(n, 4, generator=g), y


def test_it_scores_held_out_rows_not_those_it_learns_from():
    held_out = [({"a": x}, y) for x, y in (rows(40, False, seed) for seed in range(5))]
    probe = ValidationProbe(2, {"a": same}, held_out, score_every=1)
    steps = [step_of({"a": x}, y, n) for n, (x, y) in enumerate(rows(32, seed=100 + n) for n in range(30))]
    assert told(probe, steps)[-1]["a"] == pytest.approx(0.5, abs=0.1), "the held-out labels follow no rule"
    probe = ValidationProbe(2, {"a": same}, [({"a": x}, y) for x, y in (rows(40),)], score_every=1)
    readings = told(probe, steps)
    assert readings[-1]["a"] > 0.9


def test_its_classifier_is_that_of_probe():
    own = ValidationProbe(2, {"a": same}, [({"a": x}, y) for x, y in (rows(40),)])
    probe = Probe(2)
    steps = [step_of({"a": x}, y, n) for n, (x, y) in enumerate(rows(8, seed=n) for n in range(4))]
    told(own, steps), told(probe, steps)
    assert toy.identical(own.state_dict()["of"], probe.state_dict())


def test_with_training_batches_it_is_fitted_anew_whatever_the_updates_said():
    """The updates' labels follow no rule; rows of the training batches do, and a turned encoder is read right at once."""
    turn = [1.0]
    turned = lambda x: turn[0] * x
    seen, held_out = [({"a": x}, y) for x, y in (rows(32, seed=5), rows(32, seed=6))], [({"a": x}, y) for x, y in (rows(40),)]
    probe = ValidationProbe(2, {"a": turned}, held_out, score_every=1, decay=0.0, training=seen)
    noise = [step_of({"a": x}, y, n) for n, (x, y) in enumerate(rows(32, False, seed=100 + n) for n in range(4))]
    assert told(probe, noise[:2])[-1]["a"] > 0.95
    turn[0] = -1.0
    assert told(probe, noise[2:])[-1]["a"] > 0.95
    assert probe.state_dict()["of"] == {}


def test_training_batches_come_in_turn():
    right, wrong = rows(32), (rows(32)[0], 1 - rows(32)[1])
    held_out = [({"a": x}, y) for x, y in (rows(40, seed=9),)]
    training = [({"a": x}, y) for x, y in (right, wrong)]
    probe = ValidationProbe(2, {"a": same}, held_out, score_every=1, decay=0.0, training=training)
    readings = told(probe, [step_of({"a": torch.zeros(2, 4)}, torch.tensor([0, 1]), n) for n in range(3)])
    assert [round(r["a"]) for r in readings] == [1, 0, 1]


class Shuffled(Dataset):
    def __len__(self):
        return 12

    def __getitem__(self, n):
        return {"a": torch.full((4,), float(n))}, n % 2


def test_batches_come_in_turn_whatever_holds_them():
    loader = DataLoader(Shuffled(), batch_size=4)
    for batches, expected in [(["x", "y", "z"], "xyz"), (dict.fromkeys("xyz").keys(), "xyz"), (loader, (0, 4, 8))]:
        first = lambda batch: batch if isinstance(batch, str) else batch[0]["a"][0, 0].item()
        held = HeldOut(batches)
        assert [first(held.at(n)) for n in (0, 0, 1, 2, 3, 4)] == [expected[n] for n in (0, 0, 1, 2, 0, 1)]
        assert first(HeldOut(batches).at(4)) == expected[1], "as after a resume"


def test_a_batch_every_so_many_updates():
    held_out = [({"a": torch.zeros(4, 4)}, torch.full((4,), n)) for n in range(2)]
    probe = ValidationProbe(2, {"a": same}, held_out, score_every=2, lr=0.0, decay=0.5)
    readings = told(probe, [step_of({"a": torch.zeros(2, 4)}, torch.tensor([0, 1]), n) for n in range(5)])
    assert [bool(r) for r in readings] == [True, False, True, False, True]
    scores = [r["a"] for r in readings if r]
    assert scores == pytest.approx([1, 0.25 / 0.75, (0.125 + 0.5) / 0.875]), "zeros name class 0: right, wrong, right"


class Noisy(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Dropout(0.5))


def test_training_goes_on_as_if_nothing_had_run_even_where_all_is_skipped():
    def train(measured):
        torch.manual_seed(0)
        encoders = {"a": Noisy(), "v": Noisy()}
        encoders["v"][1].eval()
        head = nn.Linear(10, 2)
        loader = DataLoader(Shuffled(), batch_size=5, shuffle=True)
        measure = [ValidationProbe(2, {"a": encoders["a"]}, loader, score_every=2)] if measured else []
        balancer = Balancer(encoders, measure=measure, act=[Skip(Constant({"a": True}))])
        optimizer = torch.optim.SGD([*head.parameters(), *encoders["v"].parameters()], lr=0.1)
        for _ in range(4):
            x, y = torch.randn(6, 4), torch.randint(2, (6,))
            nn.functional.cross_entropy(head(torch.cat([e(x) for e in encoders.values()], 1)), y).backward()
            balancer.adjust(y)
            optimizer.step()
            optimizer.zero_grad()
        assert balancer.tally["a"] == {"updated": 0, "skipped": 4, "held": 0}
        assert encoders["a"].training
        assert not encoders["v"][1].training
        assert balancer.readings.get("validation_probe", {}).keys() == ({"a"} if measured else set())
        return {m: dict(e.state_dict()) for m, e in encoders.items()}, dict(head.state_dict()), torch.get_rng_state()

    assert toy.identical(train(True), train(False))


def test_an_overflow_does_not_use_a_batch_up():
    encoder = nn.Linear(4, 2)
    held_out = HeldOutLog([({"a": torch.zeros(4, 4)}, torch.zeros(4).long())] * 3)
    balancer = Balancer({"a": encoder}, measure=[ValidationProbe(2, {"a": encoder}, held_out, score_every=1)])
    for bad in (False, True, False):
        encoder.zero_grad()
        encoder(torch.ones(2, 4)).sum().backward()
        if bad:
            encoder.weight.grad[0, 0] = float("inf")
        balancer.adjust(torch.tensor([0, 1]))
    assert held_out.asked == [0, 1, 1]


class HeldOutLog(list):
    def __init__(self, batches):
        super().__init__(batches)
        self.asked = []

    def __getitem__(self, n):
        self.asked.append(n)
        return super().__getitem__(n)


def test_recipes_copy_it_without_memory():
    encoder = nn.Linear(4, 2)
    recipe = Recipe((ValidationProbe(2, {"a": encoder}, [({"a": torch.zeros(4, 4)}, torch.zeros(4).long())]),))
    first, second = recipe.fresh().measure[0], recipe.fresh().measure[0]
    assert first.encoders is second.encoders
    assert first._probe is not second._probe


def test_misuse():
    batch = ({"a": torch.zeros(4, 4)}, torch.zeros(4).long())
    with pytest.raises(TypeError, match=r"`batches` must be a sequence .* can be read only once: give a list of its batches"):
        ValidationProbe(2, {"a": same}, iter([batch]))
    with pytest.raises(ValueError, match="`batches` must hold at least one batch, found none"):
        ValidationProbe(2, {"a": same}, [])
    with pytest.raises(ValueError, match="`score_every` is counted in updates and must be at least 1, found 0"):
        ValidationProbe(2, {"a": same}, [batch], score_every=0)
    with pytest.raises(ValueError, match=r"has encoders for \['b'\]; the modalities are \['a'\]"):
        ValidationProbe(2, {"b": same}, [batch]).measure(step_of({"a": torch.zeros(2, 4)}))
    with pytest.raises(ValueError, match="`training` must hold at least one batch, found none"):
        ValidationProbe(2, {"a": same}, [batch], training=[])
    wrong = ({"a": torch.zeros(4, 4)}, torch.zeros(3).long())
    with pytest.raises(ValueError, match=r"`training` must hold .* found \(4, 4\) and targets of shape \(3,\)"):
        ValidationProbe(2, {"a": same}, [batch], training=[wrong]).measure(step_of({"a": torch.zeros(2, 4)}))
    with pytest.raises(ValueError, match=r"found \(4, 4\) and targets of shape \(3,\), torch.int64"):
        ValidationProbe(2, {"a": same}, [wrong]).measure(step_of({"a": torch.zeros(2, 4)}))
