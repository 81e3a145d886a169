"""Pickles of arrays from strangers: nothing is called, nothing is believed, and numbers come out as they went in."""

import pickle
import struct

import numpy as np
import pytest

from asgml.lab.datasets import _pickles, mosi
from asgml.lab.errors import InputError

ARRAYS = {
    "floats": np.arange(6.0).reshape(2, 3), "by column": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "every second": np.arange(8)[::2], "turned": np.arange(24, dtype=np.int16).reshape(2, 3, 4).transpose(1, 2, 0),
    "half": np.ones(3, np.float16), "other end": np.arange(3, dtype=">f4"), "truth": np.array([True, False]),
    "unsigned": np.arange(3, dtype=np.uint8), "words": np.array(["ab", "ü", "中"]), "bytes": np.array([b"ab", b"c"]),
    "none": np.empty((0, 3), np.float32), "one": np.array(1.5),
}  # fmt: skip


def read(content):
    return _pickles.loads("some.pkl", content)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_come_out_as_they_went_in(name, protocol):
    found = read(pickle.dumps({"x": ARRAYS[name]}, protocol=protocol))["x"]
    assert found.dtype.newbyteorder("=") == ARRAYS[name].dtype.newbyteorder("=")
    assert found.shape == ARRAYS[name].shape
    assert np.array_equal(found, ARRAYS[name])


@pytest.mark.parametrize("protocol", range(6))
def test_scalars_and_containers_come_out_as_they_went_in(protocol):
    scalars = [np.float32(1.5), np.int64(-3), np.bool_(True), np.str_("ü"), np.bytes_(b"x")]
    whole = {"s": scalars, ("a", 1): {1, "b"}, "big": 1 << 80, "nested": [[1.5, None], (2, [b"z"])], "same": None}
    whole["same"] = whole["nested"]
    found = read(pickle.dumps(whole, protocol=protocol))
    assert found == whole
    assert found["same"] is found["nested"]


def named(module, name):
    return b"\x8c" + bytes([len(module)]) + module + b"\x8c" + bytes([len(name)]) + name + b"\x93"


def plain(value):
    """The steps of a value, without head and end."""
    return pickle.dumps(value, protocol=3)[2:-1]


ARRAY, KIND = named(b"numpy", b"ndarray"), named(b"numpy", b"dtype")
RECONSTRUCT = named(b"numpy.core.multiarray", b"_reconstruct")
BUFFER = named(b"numpy.core.numeric", b"_frombuffer")
SCALAR = named(b"numpy.core.multiarray", b"scalar")
PLAIN = (3, "<", None, None, None, -1, -1, 0)


def kind(code, state=PLAIN):
    return KIND + plain((code, False, True)) + b"R" + (plain(state) + b"b" if state else b"")


def filled(code, shape, content, state=PLAIN):
    made = RECONSTRUCT + b"(" + ARRAY + plain((0,)) + plain(b"b") + b"tR"
    return made + b"(" + plain(1) + plain(shape) + kind(code, state) + b"\x89" + plain(content) + b"tb"


FORGED = {
    "numpy's own class called": ARRAY + b"(" + plain((4,)) + plain("O") + plain(b"A" * 32) + b"tR",
    "its class by the older step": b"(" + ARRAY + plain((4,)) + b"o",
    "its class made anew": ARRAY + plain((4,)) + b"\x81",
    "objects over bytes": filled("O8", (4,), b"A" * 32),
    "objects over a list": filled("O8", (1,), [1]),
    "objects out of a buffer": BUFFER + b"(" + plain(b"A" * 32) + kind("O8") + plain((4,)) + plain("C") + b"tR",
    "one object": SCALAR + b"(" + kind("O8") + plain(b"A" * 8) + b"tR",
    "a record": filled("V8", (1,), b"A" * 8),
    "fields beyond the size": filled("f4", (1,), b"A" * 4, (3, "<", None, ("a",), {"a": ("f8", 4)}, 4, 1, 0)),
    "an array within a type": filled("f4", (1,), b"A" * 4, (3, "<", ("f4", (9,)), None, None, -1, -1, 0)),
    "another size": filled("f4", (1,), b"A" * 4, (3, "<", None, None, None, 64, -1, 0)),
    "no byte order": filled("f4", (1,), b"A" * 4, (3, "?", None, None, None, -1, -1, 0)),
    "times": filled("M8", (1,), b"A" * 8), "complex": filled("c8", (1,), b"A" * 8), "a comma": filled("f4,f4", (1,), b"A" * 8),
    "too few bytes": filled("f8", (1000,), b"A" * 8), "too many bytes": filled("f8", (1,), b"A" * 16),
    "a negative shape": filled("f8", (-1, -1), b"A" * 8), "a shape of words": filled("f8", ("1",), b"A" * 8),
    "a huge shape of nothing": filled("S0", (1 << 40,), b""), "a list for bytes": filled("f8", (1,), [1.5]),
    "no type": filled("f8", (1,), b"A" * 8).replace(kind("f8"), plain("f8")),
    "no characters": filled("U1", (1,), b"\xff\xff\xff\x7f"), "half a character": filled("U1", (1,), b"\x00\xd8\x00\x00"),
    "no truth": filled("b1", (2,), b"\x01\x07"),
    "a class for another": RECONSTRUCT + b"(" + KIND + plain((0,)) + plain(b"b") + b"tR",
    "a token changed": KIND + plain((None, {"make": 1})) + b"b",
    "a list changed": b"]" + plain({"a": 1}) + b"b",
    "a mapping in place of a list": b"}" + plain(1) + b"a",
    "an array as a key": b"}" + filled("f4", (1,), b"A" * 4) + plain(1) + b"s",
    "depth without end as a key": b"}" + b"N" + b"\x85" * 100_000 + plain(1) + b"s",
    "depth without end in a set": b"\x8f(" + b"N" + b"\x85" * 100_000 + b"\x90",
    "an extension": b"\x82\x01", "an object outside": b"Pone\n", "an instance": b"(inumpy\nndarray\n",
    "bytes that are not there": b"\x8e" + struct.pack("<Q", 1 << 50),
    "more of them": b"\x96" + struct.pack("<Q", 1 << 40), "words that are not there": b"\x8d" + struct.pack("<Q", 1 << 50),
    "a frame that is not there": b"\x95" + struct.pack("<Q", 1 << 50), "no value": b"",
}  # fmt: skip


@pytest.mark.parametrize("what", FORGED)
def test_what_is_forged_is_refused(what):
    with pytest.raises(InputError, match=r"some.pkl: cannot be read as a pickle of arrays: \w"):
        read(b"\x80\x04" + FORGED[what] + b".")


def test_a_place_far_away_takes_no_memory():
    assert read(b"\x80\x04Nr" + struct.pack("<I", 0xFFFFFFFF) + b".") is None


def test_the_forger_of_these_tests_can_write_what_is_right():
    whole = np.arange(3, dtype=np.float32)
    assert np.array_equal(read(b"\x80\x04" + filled("f4", (3,), whole.tobytes()) + b"."), whole)


def looked_at(value):
    """Read every number and word of a value; the kinds of its arrays."""
    if isinstance(value, np.ndarray):
        str(value.tolist())
        return {value.dtype.kind}
    if isinstance(value, dict):
        return {kind for v in value.values() for kind in looked_at(v)}
    return {kind for v in value for kind in looked_at(v)} if isinstance(value, list | tuple) else set()


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_whatever_is_flipped_arrays_are_plain_or_refused(protocol):
    rng, whole = np.random.default_rng(protocol), pickle.dumps(list(ARRAYS.values()), protocol=protocol)
    kept = 0
    for _ in range(200):
        spoilt = bytearray(whole)
        for at in rng.integers(len(spoilt), size=rng.integers(1, 4)):
            spoilt[at] ^= 1 << int(rng.integers(8))
        try:
            found = read(bytes(spoilt))
        except InputError:
            continue
        kept += 1
        assert looked_at(found) <= set("biufUS")
    assert 0 < kept < 200


def shared(depth):
    found = [0.5] * 2000
    for _ in range(depth):
        found = [found] * 2000
    return found


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"text": shared(3)}, "train.text must be an array of numbers"), ({"id": 7}, "train.id must be a list of names"),
     ({"id": [[[]]] * 2}, "train.id must be a list of names"), ({"audio": [10**400]}, "train.audio must be an array")],
)  # fmt: skip
def test_a_pickle_of_another_kind_is_named(changes, words, tmp_path):
    part = {"text": np.ones((2, 1, 1)), "audio": np.ones((2, 1, 1)), "vision": np.ones((2, 1, 1)), "id": ["a", "b"],
            "regression_labels": np.ones(2)} | changes  # fmt: skip
    with pytest.raises(InputError, match=words):
        mosi._part(tmp_path / "x.pkl", {"train": part}, "train")
