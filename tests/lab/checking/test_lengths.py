"""Clips of a tenth of a second and of ten minutes are told; clips as they usually are alarm nobody."""

import pytest

from asgml.lab.checking import lengths


def said(*seconds):
    return list(lengths.words({"sound": {f"c{n}": s for n, s in enumerate(seconds)}}))


def test_short_and_long_clips_are_told():
    short, long = said(*[3.0] * 20, 0.1, 600.0)
    assert short == "sound: 1 of 22 clips last less than 0.3 s, such as c20 (0.1 s): look whether they were cut off."
    assert long == (
        "sound: 1 of 22 clips last more than 60 s, such as c21 (600 s; the median is 3 s): cut them, since little of them "
        "is seen."
    )


@pytest.mark.parametrize("seconds", [[0.1] * 9, [600.0] * 9])
def test_they_are_told_where_all_are_alike_too(seconds):
    assert len(said(*seconds)) == 1
    assert "9 of 9 clips" in said(*seconds)[0]


@pytest.mark.parametrize("seconds", [[1.0, 2.0, 5.0], [0.4] * 5, [0.5, *[10.0] * 9], [3.0, 25.0, 2.0], [120.0] * 4, []])
def test_ordinary_clips_alarm_nobody(seconds):
    assert said(*seconds) == []


def test_a_store_remembers_how_long_its_clips_are():
    clips = [{"id": "a", "seen": {"audio": {"seconds": 0.1}, "visual": {"times": [0]}}}, {"id": "b", "seen": {}}, {}]
    assert lengths.of_store(clips) == {"audio": {"a": 0.1}}
