"""The distribution of broken clips, and its store, made once."""

import pytest

from asgml.lab.prepared.prepare import Job, prepare
from asgml.lab.prepared.sources import cremad
from cremad_media import READING, break_some, lay_out, make_films


@pytest.fixture(scope="session")
def films(tmp_path_factory):
    return make_films(tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="session")
def broken(tmp_path_factory, films):
    """The distribution with its broken clips, and what is wrong with them."""
    root = lay_out(tmp_path_factory.mktemp("cremad") / "root", films)
    return root, break_some(root, films)


@pytest.fixture(scope="session")
def store(broken, tmp_path_factory):
    """The store of it."""
    out = tmp_path_factory.mktemp("store") / "cremad"
    prepare(cremad.listing(broken[0]), READING, out, Job(jobs=1))
    return out
