"""Cells that are trained in this process have few samples to score."""

import pytest

import small
from asgml.lab import datasets


@pytest.fixture(autouse=True, scope="module")
def _little_to_score():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "load", lambda *args, load=datasets.load: small.fewer_to_score(load(*args)))
        yield
