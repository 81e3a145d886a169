"""The two ranks, one pair for all tests of this folder."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from ranks import Ranks


@pytest.fixture(scope="session")
def ranks():
    pair = Ranks()
    yield pair
    pair.stop()
