"""One thread per process, as in a cell, and a cache of prepared data that is the tests' own."""

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_session(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASGML_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
