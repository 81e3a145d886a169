"""Record: gradients as the list before it left them, one update late."""

from itertools import pairwise

import pytest
import torch

import toy
from asgml import Balancer, Recipe
from asgml.interventions import Delay, Record, Scale, Skip
from asgml.monitors import GradNorm
from asgml.policies import OneIn


def watched(of="norm", *acts):
    before, after = Record("before", of), Record("after", of)
    return Recipe((GradNorm(), before, after), (before, *acts, after))


def readings(run, data):
    found = []
    for batch in data:
        toy.advance(run, [batch])
        found.append({name: dict(values) for name, values in run.balancer.readings.items()})
    return found


def test_it_reads_the_update_before_where_it_stands():
    run = toy.start(toy.TWO, watched("norm", Scale({"audio": 0.25})))
    found = readings(run, toy.batches(toy.TWO, 5))
    assert found[0]["before"] == found[0]["after"] == {}
    for earlier, later in pairwise(found):
        assert later["before"] == pytest.approx(earlier["grad_norm"], rel=1e-5)
        assert later["after"]["audio"] == pytest.approx(earlier["grad_norm"]["audio"] / 4, rel=1e-5)
        assert later["after"]["visual"] == pytest.approx(earlier["grad_norm"]["visual"], rel=1e-5)


def test_who_has_no_gradient_there_is_left_out():
    run = toy.start(toy.TWO, watched("norm", Delay({"visual": 2})))
    returned = []
    for inputs, labels in toy.batches(toy.TWO, 4):
        torch.nn.functional.cross_entropy(run.model(inputs), labels).backward()
        returned.append(run.balancer.adjust(labels))
        run.optimizer.zero_grad()
    assert [sorted(r["after"]) for r in returned] == [[], ["audio"], ["audio"], ["audio", "visual"]], "a delay of 2 holds"
    assert [sorted(r["before"]) for r in returned] == [[], *[["audio", "visual"]] * 3]
    run = toy.start(toy.TWO, watched("norm", Skip(OneIn(2, "audio"))))
    returned = []
    for inputs, labels in toy.batches(toy.TWO, 4):
        torch.nn.functional.cross_entropy(run.model(inputs), labels).backward()
        returned.append(sorted(run.balancer.adjust(labels)["before"]))
        run.optimizer.zero_grad()
    assert returned == [[], ["audio", "visual"], ["visual"], ["audio", "visual"]], "what was skipped is not read again"


def test_a_function_of_the_gradients():
    run = toy.start(toy.TWO, watched(lambda grads: torch.stack([g.abs().max() for g in grads]).max()))
    toy.advance(run, toy.batches(toy.TWO, 2))
    largest = max(g.abs().max().item() for n, g in run.raw[0].items() if n.startswith("encoders.audio") and g is not None)
    assert run.balancer.readings["after"]["audio"] == pytest.approx(largest)


def test_every_balancer_made_of_a_recipe_has_records_of_its_own():
    recipe = watched()
    first, second, third = (toy.start(toy.TWO, recipe).balancer for _ in range(3))
    for balancer in (first, second, third):
        assert balancer.measure[1] is balancer.act[0]
        assert balancer.measure[2] is balancer.act[1]
    assert len({id(b.act[0]) for b in (first, second, third)}) == 3
    assert all(b.act[0] is not recipe.act[0] for b in (first, second, third))


def test_given_without_a_recipe_and_resumed_between_two_updates():
    data = toy.batches(toy.TWO, 4)
    whole, first, second = (toy.start(toy.TWO, watched("norm", Skip(OneIn(2, "audio")))) for _ in range(3))
    toy.advance(whole, data)
    toy.advance(first, data[:3])
    for part in ("model", "optimizer", "balancer"):
        getattr(second, part).load_state_dict(toy.through_file(getattr(first, part).state_dict()))
    toy.advance(second, data[3:])
    assert second.balancer.readings == whole.balancer.readings
    record, encoder = Record(), torch.nn.Linear(2, 2)
    balancer = Balancer({"a": encoder}, measure=[record], act=[record])
    for _ in range(2):
        encoder.zero_grad()
        encoder(torch.ones(1, 2)).sum().backward()
        found = balancer.adjust()
    assert found["recorded"]["a"] == pytest.approx(6**0.5)


@pytest.mark.parametrize(
    ("lists", "updates", "words"),
    [
        (lambda r: {"act": [r]}, 1, "stands in `act` but not in `measure`"),
        (lambda r: {"measure": [r]}, 2, "stands in `measure` but not in `act`"),
        (lambda r: {"measure": [r], "act": [r, r]}, 1, "list the same object once in both"),
    ],
)
def test_it_must_stand_in_both_lists(lists, updates, words):
    encoder = torch.nn.Linear(2, 2)
    balancer = Balancer({"a": encoder}, **lists(Record()))
    encoder(torch.ones(1, 2)).sum().backward()
    for _ in range(updates - 1):
        balancer.adjust()
    with pytest.raises(RuntimeError, match=words):
        balancer.adjust()


def test_misuse():
    with pytest.raises(ValueError, match="`of` must be 'norm' or a function from gradients to a 0-dim tensor, found 'mean'"):
        Record(of="mean")
