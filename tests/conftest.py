"""One thread per process, as in a cell; the same examples on every run; and a cache of prepared data that is the tests' own."""

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("same", derandomize=True)
settings.register_profile("search", max_examples=1000, deadline=None)
settings.load_profile("same")


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_session(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASGML_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
