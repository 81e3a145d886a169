"""Films made once for all tests of this folder."""

import pytest

import clips


@pytest.fixture(scope="session")
def flv(tmp_path_factory):
    return clips.film(tmp_path_factory.mktemp("flv") / "clip.flv", seconds=1.2)


@pytest.fixture(scope="session")
def mp4(tmp_path_factory):
    path = tmp_path_factory.mktemp("mp4") / "clip.mp4"
    return clips.film(path, seconds=1.2, codec="libx264", sound="aac", size=(160, 120))
