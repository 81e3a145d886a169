"""The public check of laws: it passes what obeys them, and names each law that a part of one's own breaks."""

from dataclasses import dataclass

import pytest
import torch

from asgml import Recipe, recipes, testing
from asgml.interventions import Intervention

LAWS = list(testing.LAWS)


class Zeroes(Intervention):
    """Makes a gradient of what has none."""

    def adjust(self, step):
        for params in step.params.values():
            for p in params.values():
                p.grad = torch.zeros_like(p) if p.grad is None else p.grad


@dataclass
class Forgets(Intervention):
    """Counts, and saves nothing."""

    count: int = 0

    def adjust(self, step):
        self.count += 1
        for _, p in step.with_grad("audio"):
            p.grad.mul_(1 / self.count)


class FirstOnly(Intervention):
    """Edits whoever was named first."""

    def adjust(self, step):
        for _, p in step.with_grad(next(iter(step.params))):
            p.grad.mul_(0.5)


def test_a_recipe_of_ours_breaks_nothing():
    recipe = recipes.frequency("audio", k=2) + recipes.staleness("visual", tau=2)
    testing.check_laws(recipe, touches=["audio", "visual"])


@pytest.mark.parametrize(("part", "law"), [(Zeroes(), 0), (Forgets(), 1), (FirstOnly(), 2)])
def test_a_part_that_breaks_a_law_is_told_which(part, law):
    broken = testing.violations(Recipe(act=(part,)))
    assert LAWS[law] in broken


def test_an_overflow_that_leaves_a_trace_is_seen(monkeypatch):
    monkeypatch.setattr(testing._Run, "_spoil", lambda self: None)  # the update then looks like any other
    assert LAWS[3] in testing.violations(recipes.staleness("audio", tau=2))


def test_who_is_touched_and_what_neutral_settings_change():
    broken = testing.violations(recipes.frequency("audio", 2), touches=["visual"], neutral=recipes.staleness("audio", 2))
    assert broken == [
        "only its own modalities are touched (found audio)", "with neutral settings no bit of training changes",
    ]  # fmt: skip
    with pytest.raises(AssertionError, match=r"breaks 1 laws: only its own modalities are touched \(found audio\)"):
        testing.check_laws(recipes.frequency("audio", 2), touches=["visual"])
