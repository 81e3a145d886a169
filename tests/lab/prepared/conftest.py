"""The distribution of broken clips, and its store, made once."""

import pytest

from asgml.lab.cli import main
from cremad_media import OPTIONS, break_some, lay_out, make_films


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
    """The store of it, as the command line makes it."""
    out = tmp_path_factory.mktemp("store") / "cremad"
    assert main(["data", "prepare", "cremad", "--root", str(broken[0]), "--out", str(out), "--jobs", "2", *OPTIONS]) == 0
    return out
