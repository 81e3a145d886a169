"""The laws that every part obeys, over the table of all parts, with two modalities and with three."""

from copy import deepcopy
from functools import cache

import pytest
import torch

import asgml
import toy
from asgml import interventions, monitors, policies, recipes
from table import ROWS
from toy import THREE, TWO, identical, through_file

EVERY_PART = pytest.mark.parametrize("name", ROWS)
EVERY_NUMBER = pytest.mark.parametrize("modalities", [TWO, THREE], ids=["two", "three"])
STEPS = 8


@cache
def trained(name, modalities, optimizer="adamw"):
    """A row's run, which several laws look at; nobody may change it."""
    return toy.train(modalities, ROWS[name].recipe(modalities), optimizer=optimizer)


@cache
def bare(modalities, optimizer="adamw"):
    """Training without a Balancer; nobody may change it."""
    return toy.train(modalities, bare=True, optimizer=optimizer)


def test_the_table_holds_every_public_part():
    public = {n for package in (monitors, interventions, policies, recipes) for n in package.__all__}
    covered = frozenset().union(*(row.covers for row in ROWS.values()))
    assert public - covered == set(), "a part without a row in tests/table.py"
    assert covered - public == set(), "a row without a part"


@EVERY_PART
@EVERY_NUMBER
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_l1_neutral_settings_change_no_bit(name, modalities, optimizer):
    neutral = ROWS[name].neutral
    with_it = (
        toy.train(modalities, neutral(modalities), optimizer=optimizer) if neutral else trained(name, modalities, optimizer)
    )
    assert identical(with_it.weights(), bare(modalities, optimizer).weights())


@EVERY_PART
@EVERY_NUMBER
def test_l2_touches_only_its_modalities(name, modalities):
    run = trained(name, modalities)
    touched = tuple(f"encoders.{m}." for m in ROWS[name].touches(modalities))
    for raw, applied in zip(run.raw, run.applied, strict=True):
        others = {n for n in raw if not n.startswith(touched)}
        assert all(identical(raw[n], applied[n]) for n in others)
    if touched:
        assert not identical(run.weights(), bare(modalities).weights()), "a part that acts must be seen to act"


@EVERY_PART
@EVERY_NUMBER
def test_l3_none_stays_none(name, modalities):
    run = trained(name, modalities)
    unused = [f"encoders.{m}.unused" for m in modalities]
    assert all(applied[n] is None for applied in run.applied for n in unused)
    for m in modalities:
        assert torch.equal(run.model.encoders[m].unused, torch.ones(2)), "weight decay must not reach what has no gradient"


@EVERY_PART
@EVERY_NUMBER
def test_l4_resume_at_any_step_is_bit_exact(name, modalities):
    recipe, data = ROWS[name].recipe(modalities), toy.batches(modalities, STEPS)
    whole, saved = toy.start(modalities, recipe), []
    for cut in range(STEPS + 1):
        others = deepcopy([part.state_dict() for part in (whole.model, whole.optimizer)])
        saved.append((*others, through_file(whole.balancer.state_dict())))
        assert identical(saved[cut][-1], whole.balancer.state_dict())
        toy.advance(whole, data[cut : cut + 1])
    for cut, states in enumerate(saved):
        second = toy.start(modalities, recipe)
        for part, state in zip((second.model, second.optimizer, second.balancer), states, strict=True):
            part.load_state_dict(state)
        assert identical(second.balancer.state_dict(), states[-1])
        toy.advance(second, data[cut:])
        assert identical(second.weights(), whole.weights()), f"resumed at step {cut}"
        assert identical(second.balancer.state_dict(), whole.balancer.state_dict()), f"resumed at step {cut}"


@EVERY_PART
@EVERY_NUMBER
@pytest.mark.parametrize("micro", [2, 4])
def test_l5_micro_batches_equal_one_batch(name, modalities, micro):
    one = trained(name, modalities, "sgd")
    several = toy.train(modalities, ROWS[name].recipe(modalities), micro=micro, optimizer="sgd")
    torch.testing.assert_close(several.weights(), one.weights(), rtol=1e-4, atol=1e-5)
    assert several.balancer.tally == one.balancer.tally
    for reading, values in one.balancer.readings.items():
        assert several.balancer.readings[reading] == pytest.approx(values, rel=1e-4)


@EVERY_PART
@EVERY_NUMBER
def test_l6_order_and_names_of_modalities_do_not_matter(name, modalities):
    row = ROWS[name]
    whole = trained(name, modalities)
    turned = toy.train(modalities, row.recipe(modalities), order=modalities[::-1])
    assert identical(turned.weights(), whole.weights())
    if row.named:
        return
    renamed = dict(zip(modalities, (*modalities[1:], modalities[0]), strict=True))  # audio is now called visual, and so on
    like = {new: old for old, new in renamed.items()}
    names = tuple(renamed[m] for m in modalities)
    other = toy.train(names, row.recipe(names), like=like)
    for m in modalities:
        for (_, p), (_, q) in zip(
            whole.model.encoders[m].named_parameters(), other.model.encoders[renamed[m]].named_parameters(), strict=True
        ):
            assert torch.equal(p, q), f"{m} as {renamed[m]}"


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.plain])
def test_l7_repr_reads_back(name):
    namespace = {n: getattr(p, n) for p in (monitors, interventions, policies) for n in p.__all__}
    recipe = ROWS[name].recipe(THREE)
    for part in (*recipe.measure, *recipe.act):
        again = eval(repr(part), namespace)
        assert again == part
        assert again is not part


@cache
def without_one(name, modalities, left_out):
    """The weights that a row comes to where one batch is left out."""
    data = toy.batches(modalities, STEPS + 1)
    del data[left_out]
    return toy.advance(toy.start(modalities, ROWS[name].recipe(modalities)), data).weights()


@EVERY_PART
@EVERY_NUMBER
@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
def test_l8_an_overflow_step_changes_nothing_but_its_count(name, modalities, bad):
    recipe = ROWS[name].recipe(modalities)
    run, data = toy.start(modalities, recipe), toy.batches(modalities, STEPS + 1)
    toy.advance(run, data[:4])
    before = through_file(run.balancer.state_dict())

    def spoil(t, run):
        victim = next(m for m in modalities if m not in run.balancer.skipping)
        run.model.encoders[victim].first.weight.grad[0, 0] = bad

    weights = run.weights()
    run.optimizer.step = lambda: None  # a gradient scaler leaves the step out
    toy.advance(run, data[4:5], before_adjust=spoil)
    del run.optimizer.step
    names = [n for n in run.raw[-1] if run.raw[-1][n] is not None]
    assert all(torch.equal(run.applied[-1][n], run.raw[-1][n]) or n.endswith("first.weight") for n in names)
    after = run.balancer.state_dict()
    assert after.pop("nonfinite") == before.pop("nonfinite") + 1
    assert identical(after, before)
    assert identical(run.weights(), weights)
    clean = without_one(name, modalities, 4)
    assert identical(toy.advance(run, data[5:]).weights(), clean), "the steps after it are as if it had not been"


def test_every_public_name_resolves():
    for name in asgml.__all__:
        assert getattr(asgml, name) is not None
    assert set(asgml.__all__) <= set(dir(asgml))
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        asgml.nothing_of_the_kind  # noqa: B018
