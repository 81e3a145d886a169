"""Classes and groups that are one name in two spellings, classes that mean nothing, names in NFD."""

import unicodedata
from dataclasses import replace

import numpy as np
import pytest

from asgml.lab.checking import names
from asgml.lab.datasets import Data, Test, Train, Validation

NFD = unicodedata.normalize("NFD", "Björn")


def made(classes=("sad", "happy"), groups=None, ids=None):
    parts = []
    for kind in (Train, Validation, Test):
        own = np.array([f"{kind.__name__}{i}" for i in range(4)])
        parts.append(kind({"x": np.zeros((4, 1))}, np.arange(4) % len(classes), own if ids is None else np.array(ids),
                          own if groups is None else np.array(groups)))  # fmt: skip
    return Data(*parts, classes, "Made up.")


def said(data):
    return " ".join(names.words(data))


@pytest.mark.parametrize(
    "classes",
    [("Happy", "happy"), ("happy", "happy "), ("very happy", "very_happy"), ("Über", unicodedata.normalize("NFD", "über"))],
)
def test_classes_in_two_spellings_are_told(classes):
    found = said(made(("sad", *classes)))
    assert "Classes: " in found
    assert "differ only in capitals, spaces or accents, and count as different ones" in found


@pytest.mark.parametrize("name", ["N/A", "nan", "NULL", "unknown?", "?", "-", "None"])
def test_classes_that_mean_nothing_are_told(name):
    assert (f"{name!r} may mean that the label is not known" in said(made(("sad", name)))) == (name != "unknown?")


def test_groups_in_two_spellings_are_told():
    found = said(made(groups=["anna", "Anna", "bert", "carl"]))
    assert found == (
        "Groups: 'Anna' and 'anna' differ only in capitals, spaces or accents, and may stand in two splits; "
        "write them in one way."
    )


@pytest.mark.parametrize("field", ["groups", "ids", "classes"])
def test_names_in_nfd_are_told(field):
    given = {field: ("sad", NFD) if field == "classes" else [NFD, "b", "c", "d"]}
    assert (
        f"Names: 1 are written with accents apart from their letters (Unicode's NFD, as macOS writes them), such as {NFD!r}"
        in (said(made(**given)))
    )


@pytest.mark.parametrize("classes", [("1", "-1"), ("10", "1 0"), ("no", "yes"), ("a", "b"), ("Björn", "Bjorn")])
def test_plain_names_alarm_nobody(classes):
    assert said(made(classes, groups=["Björn", "Bjorn", "c1", "c-1x"])) == ""


def test_many_are_told_by_a_few():
    found = said(made(tuple(f"{a}{n}" for n in range(5) for a in "xX")))
    assert found.count("differ only") == 3
    assert "Classes: 2 more are written in two ways." in found


def test_outputs_of_a_regression_are_no_classes():
    assert said(replace(made(("Happy", "happy")), task="regression")) == ""
