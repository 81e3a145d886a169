"""Class labels of any integer kind, rows without a label, and words for what is none, over every part that takes classes."""

import pytest
import torch

import toy
from asgml import Balancer, Recipe
from asgml.monitors import LossDescent, MultilabelProbe, Probe, RidgeProbe, Score, Smoothed, ValidationProbe
from toy import CLASSES, TWO, identical

HELD_OUT = toy.batches(TWO, 2)
PARTS = {
    "Probe": lambda model, **kw: Probe(CLASSES, **kw),
    "Score": lambda model, **kw: Score(dict(model.heads), **kw),
    "LossDescent": lambda model, **kw: LossDescent(dict(model.heads), window=3, **kw),
    "Smoothed": lambda model, **kw: Smoothed(Probe(CLASSES, **kw)),
    "ValidationProbe": lambda model, **kw: ValidationProbe(CLASSES, dict(model.encoders), HELD_OUT, 2, **kw),
}
EVERY_PART = pytest.mark.parametrize("name", PARTS)


def run(name, of_labels=lambda y: y, rows=slice(None), **settings):
    """Three updates without a step, as the part sees them: `rows` of every batch, and what `of_labels` makes of the labels."""
    model = toy.Toy(TWO)
    balancer = Balancer(dict(model.encoders.items()), Recipe((PARTS[name](model, **settings),)))
    for inputs, labels in toy.batches(TWO, 3):
        given = {m: x[rows] for m, x in inputs.items()}
        torch.nn.functional.cross_entropy(model(given), labels[rows]).backward()
        balancer.adjust(of_labels(labels[rows]))
    return {name: dict(values) for name, values in balancer.readings.items()}, balancer


def close(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(close(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(close, a, b))
    return torch.allclose(torch.as_tensor(a), torch.as_tensor(b), atol=1e-6)


@EVERY_PART
@pytest.mark.parametrize("ignored", [-100, -1, 99])
def test_rows_without_a_label_count_for_nothing(name, ignored):
    settings = {} if ignored == -100 else {"ignore_index": ignored}
    some = lambda y: torch.where(torch.arange(8) % 2 == 0, y, ignored)
    readings, balancer = run(name, some, **settings)
    expected, fewer = run(name, rows=slice(None, None, 2), **settings)
    for reading in expected:
        assert readings[reading] == pytest.approx(expected[reading], abs=1e-6)
    assert close(balancer.measure[0].state_dict(), fewer.measure[0].state_dict())
    assert balancer.left_out == {}


@EVERY_PART
def test_a_batch_without_any_label_changes_nothing_and_is_no_fault(name):
    readings, balancer = run(name, lambda y: torch.full_like(y, -100))
    assert all(not values for values in readings.values()) or name == "ValidationProbe"
    assert balancer.left_out == {}


@EVERY_PART
@pytest.mark.parametrize("kind", [torch.uint8, torch.int8, torch.int16, torch.int32])
def test_labels_of_any_integer_kind(name, kind):
    assert identical(run(name, lambda y: y.to(kind))[0], run(name)[0])


@EVERY_PART
def test_two_classes_may_be_bool(name):
    assert identical(run(name, lambda y: y == 1)[0], run(name, lambda y: (y == 1).long())[0])


def test_a_byte_is_not_what_wraps_around_to_ignore_index():
    with pytest.raises(ValueError, match="found 156"):
        run("Probe", lambda y: torch.full_like(y, 156).to(torch.uint8))


@EVERY_PART
@pytest.mark.parametrize("label", [-1, 3, 100, -99])
def test_what_is_no_class_is_named_before_anything_is_learnt(name, label):
    words = (
        rf"takes class indices 0 to 2 as the targets of 'audio', found {label}: count classes from 0, and give the number of "
        r"all of them; rows without a label are left out where it is `ignore_index`, here -100"
    )
    with pytest.raises(ValueError, match=words):
        run(name, lambda y: torch.where(torch.arange(8) == 0, label, y))


@EVERY_PART
@pytest.mark.parametrize(
    ("of_labels", "words"),
    [
        (
            lambda y: torch.eye(3)[y] * 0.9,
            r"found shape \(8, 3\), torch.float32: of soft targets, as mixup .* give `targets.argmax\(1\)`",
        ),
        (lambda y: y.float(), r"found shape \(8,\), torch.float32: give one class index per row, as an integer"),
        (lambda y: y[:5], r"found shape \(5,\).* `present=\{modality: mask\}`; .* call `balancer.forget\(\)`"),
    ],
)
def test_targets_of_another_form_are_refused_with_the_way_out(name, of_labels, words):
    with pytest.raises(ValueError, match=words):
        run(name, of_labels)


def test_numbers_name_the_way_out_too_and_unknown_labels_are_refused():
    for part in (RidgeProbe(), MultilabelProbe(labels=1)):
        encoder = torch.nn.Linear(2, 3)
        balancer = Balancer({"a": encoder}, measure=[part])
        encoder(torch.randn(6, 2)).sum().backward()
        with pytest.raises(ValueError, match=r"`present=\{modality: mask\}`; .* call `balancer.forget\(\)`"):
            balancer.adjust(torch.zeros(4))
    encoder(torch.randn(6, 2)).sum().backward()
    with pytest.raises(ValueError, match="'multilabel_probe' takes 0 and 1 as the targets of 'a', found numbers below 0"):
        balancer.adjust(torch.tensor([0, 1, 1, 0, -1, 0]))


@pytest.mark.parametrize("argument", ["batches", "training"])
def test_held_out_labels_that_are_no_classes_say_where_they_stand(argument):
    inputs, labels = toy.batches(TWO, 1)[0]
    good, bad = [(inputs, labels)], [(inputs, labels - 1)]
    model = toy.Toy(TWO)
    held, training = (bad, good) if argument == "batches" else (good, bad)
    probe = ValidationProbe(CLASSES, dict(model.encoders), held, training=training)
    balancer = Balancer(dict(model.encoders.items()), measure=[probe])
    torch.nn.functional.cross_entropy(model(inputs), labels).backward()
    with pytest.raises(ValueError, match=f"`{argument}`: 'validation_probe' takes class indices 0 to 2 .*, found -1"):
        balancer.adjust(labels)


def test_held_out_rows_without_a_label():
    ((inputs, labels),) = toy.batches(TWO, 1)
    masked = torch.where(torch.arange(8) % 2 == 0, labels, -100)
    half = [({m: x[::2] for m, x in inputs.items()}, labels[::2])]
    for training in (False, True):
        found = []
        for batches in ([(inputs, masked)], half):
            model = toy.Toy(TWO)
            probe = ValidationProbe(CLASSES, dict(model.encoders), batches, 1, training=batches if training else None)
            balancer = Balancer(dict(model.encoders.items()), measure=[probe])
            torch.nn.functional.cross_entropy(model(inputs), labels).backward()
            found.append(balancer.adjust(labels)["validation_probe"])
        assert found[0] == pytest.approx(found[1], abs=1e-6)


@EVERY_PART
def test_ignore_index_is_an_integer(name):
    with pytest.raises(ValueError, match="`ignore_index` must be an integer, the label of rows that have none, found None"):
        run(name, ignore_index=None)
