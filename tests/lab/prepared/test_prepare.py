"""A preparation lists every failure, is never half a store, and goes on where it was interrupted."""

import csv
import hashlib
import json
import os
import shutil

import numpy as np
import pytest

from asgml.lab.errors import InputError
from asgml.lab.prepared import pool, read, telling
from asgml.lab.prepared import prepare as preparing
from asgml.lab.prepared.clip import Clip
from asgml.lab.prepared.prepare import Job, Listing, prepare
from asgml.lab.prepared.sources import cremad
from asgml.lab.store import read_json
from cremad_media import READING


def problems(out):
    with (out / "problems.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_kind_of_failure_is_listed_and_nothing_else(broken, store):
    root, wrong = broken
    listed = {row["id"]: (row["modality"], row["reason"]) for row in problems(store)}
    assert listed == wrong
    assert len(problems(store)) == len(wrong)
    left = {clip["id"] for clip in read.open_store(store).clips}
    assert left == {p.stem for p in (root / "VideoFlash").iterdir()} - set(wrong)


def test_rows_are_what_the_files_hold(broken, store):
    opened = read.open_store(store)
    visual, audio = (opened.stored(m, lambda x: x) for m in ("visual", "audio"))
    assert visual.shape == (len(opened.clips), 1, 3, 16, 16)
    for row in (0, 50, len(opened.clips) - 1):
        emotion = ["ANG", "HAP", "SAD"].index(opened.clips[row]["label"])
        assert np.asarray(visual[row]).mean() == pytest.approx(40 + 80 * emotion, abs=4)
        assert audio[row].raw().shape == (1, 16, 41)
    about = {"actor": "1001", "sentence": "DFA", "level": "XX", "published": "test"}
    assert opened.clips[0]["about"] == about | {"age": "20", "sex": "Male", "race": "Asian", "ethnicity": "Not Hispanic"}
    assert opened.clips[0]["seen"]["audio"] == {"seconds": 0.5, "until": 0.4}


def test_what_is_there_is_left_alone_and_anything_else_is_refused(broken, store, tmp_path):
    listing = cremad.listing(broken[0])
    before = {p.name: p.stat().st_mtime_ns for p in store.iterdir()}
    again = prepare(listing, READING, store, Job())
    assert again.reused == len(read.open_store(store).clips)
    assert again.commonest.startswith("most often: damaged (3 of 9), such as: its header promises")
    assert before == {p.name: p.stat().st_mtime_ns for p in store.iterdir()}
    other = READING.model_copy(update={"least": 0.3})
    with pytest.raises(InputError, match="is a store made from other files or settings; remove it"):
        prepare(listing, other, store, Job())
    with pytest.raises(InputError, match="is something else"):
        prepare(listing, READING, tmp_path, Job())


def test_strict_stops_at_the_first_failure(broken, tmp_path):
    listing = cremad.listing(broken[0])
    few = Listing(listing.name, listing.classes, tuple(c for c in listing.clips if c.id.startswith("1002")))
    with pytest.raises(InputError, match=r"--strict: 1002_TIE_HAP_XX, audio \(1002_TIE_HAP_XX.wav\): empty: 0 bytes"):
        prepare(few, READING, tmp_path / "out", Job(strict=True))
    assert not (tmp_path / "out").exists()


class Killed(BaseException):
    pass


@pytest.fixture
def few(broken, monkeypatch):
    """Nine clips in shards of four."""
    monkeypatch.setattr("asgml.lab.prepared.write.LEAST", 4)
    listing = cremad.listing(broken[0])
    return Listing(listing.name, listing.classes, tuple(c for c in listing.clips if c.id.startswith("1012")))


@pytest.fixture
def in_process(monkeypatch):
    """Read in this process, which starts at once; the pool has tests of its own."""
    from asgml.lab.prepared.reading import read as read_one

    seen = []

    def here(clips, reading, jobs, patience):
        for clip in clips:
            seen.append(clip.id)
            yield clip, read_one(clip, reading)

    monkeypatch.setattr(preparing, "read_all", here)
    return seen


def digest(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def test_killed_at_any_moment_it_is_no_store_and_goes_on_to_the_same(few, in_process, tmp_path):
    prepare(few, READING, tmp_path / "whole", Job())
    for moment in range(2, 9, 3):
        out = tmp_path / f"killed{moment}"

        def kill(done, total, problems, moment=moment):
            if done == moment:
                raise Killed

        with pytest.raises(Killed):
            prepare(few, READING, out, Job(progress=kill))
        assert not out.exists()
        with pytest.raises(InputError, match=r"partial is not whole: run `asgml data prepare` again"):
            read.open_store(out)
        (tmp_path / f"killed{moment}.partial" / ".audio-0001.npy.123").write_bytes(b"half")
        in_process.clear()
        outcome = prepare(few, READING, out, Job())
        assert outcome.reused == (moment - 1) // 4 * 4
        assert len(in_process) == 9 - outcome.reused
        assert digest(out) == digest(tmp_path / "whole")


def test_a_changed_file_is_read_again(few, in_process, tmp_path):
    def kill(done, total, problems):
        if done == 9:
            raise Killed

    with pytest.raises(Killed):
        prepare(few, READING, tmp_path / "out", Job(progress=kill))
    os.utime(few.clips[1].files["audio"], (1, 1))
    in_process.clear()
    assert prepare(few, READING, tmp_path / "out", Job()).reused == 4
    assert in_process[:4] == [c.id for c in few.clips[:4]]


def test_two_writers_do_not_meet(few, in_process, tmp_path):
    def other(done, total, problems):
        with pytest.raises(InputError, match="is being prepared by another process"):
            prepare(few, READING, tmp_path / "out", Job())

    prepare(few, READING, tmp_path / "out", Job(progress=other))
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_nothing_readable_is_no_store(tmp_path):
    clips = tuple(Clip(str(n), "ANG", {"audio": tmp_path / f"{n}.wav"}) for n in range(2))
    with pytest.raises(InputError, match="of 2 clips none could be read"):
        prepare(Listing("cremad", ("ANG",), clips), READING, tmp_path / "out", Job())


def _hang(clip, reading):
    if clip.id == "hangs":
        while True:
            pass
    if clip.id == "dies":
        os._exit(11)
    if clip.id == "raises":
        raise ZeroDivisionError("a rate of 0")
    return []


def test_a_decoder_that_hangs_or_dies_costs_one_clip(monkeypatch, tmp_path):
    monkeypatch.setattr(pool, "_read", _hang)
    clips = [Clip(name, "ANG", {"audio": tmp_path / "a.wav"}) for name in ("good", "hangs", "dies", "raises", "fine")]
    found = {clip.id: result for clip, result in pool.read_all(clips, READING, jobs=1, patience=2)}
    assert list(found) == ["good", "hangs", "dies", "raises", "fine"]
    assert found["good"] == found["fine"] == []
    assert found["hangs"][0].detail == "it was not decoded within 2 s"
    assert found["raises"][0].detail == "ZeroDivisionError: a rate of 0"
    assert found["dies"][0].detail.startswith("the decoder's process ended")


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("index.json", lambda b: b[:-20], "cannot be read"),
        ("index.json", lambda b: b.replace(b'"format": 1', b'"format": 7'), "has format 7, this version reads 1"),
        ("audio-0000.npy", lambda b: b[:-1], "is damaged"),
        ("clips.jsonl", lambda b: b[: len(b) // 2], "is damaged"),
    ],
)
def test_a_damaged_store_is_refused(store, tmp_path, file, change, message):
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in store.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / file).write_bytes(change((copy / file).read_bytes()))
    with pytest.raises(InputError, match=message):
        read.open_store(copy)


@pytest.mark.parametrize("file", ["audio-0000.npy", "clips.jsonl", "problems.csv", "index.json"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_pipe_in_a_store_is_refused_at_once(store, tmp_path, file, make):
    copy = shutil.copytree(store, tmp_path / "copy")
    (copy / file).unlink()
    make(copy / file)
    with pytest.raises(InputError, match=rf"is damaged \({file} is no file|must be a prepared store"):
        read.open_store(copy)


@pytest.mark.parametrize("name", ["../audio-0000.npy", "/etc/passwd", 3, None])
def test_an_index_that_leads_elsewhere_is_refused(store, tmp_path, name):
    copy = shutil.copytree(store, tmp_path / "copy")
    shutil.copyfile(copy / "audio-0000.npy", tmp_path / "audio-0000.npy")
    index = read_json(copy / "index.json")
    index["shards"][0]["files"] = {name: "x"} if isinstance(name, str) else name
    (copy / "index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match=rf"is damaged \({name} is no file in it" if isinstance(name, str) else "is damaged"):
        read.open_store(copy)


def test_the_commonest_reason_comes_last(tmp_path):
    rows = [
        {"reason": "missing", "detail": "there is no such file"},
        *[{"reason": "too short", "detail": f"{n} s"} for n in (1, 1, 2)],
    ]
    assert telling.commonest(rows) == "most often: too short (3 of 4), such as: 1 s"
    assert telling.commonest(rows[:1]) == "most often: missing (1 of 1), there is no such file"
    assert telling.commonest([]) == ""
    (tmp_path / "a.wav").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:a\n")
    clips = tuple(Clip(str(n), "ANG", {"audio": tmp_path / "a.wav"}) for n in range(2))
    with pytest.raises(InputError, match=r"none could be read.*\(2 of 2\), Git LFS pointer; run `git lfs pull`[^\n]*$"):
        prepare(Listing("cremad", ("ANG",), clips), READING, tmp_path / "out", Job())


def test_checksums_find_a_flipped_bit(store, tmp_path):
    assert list(read.open_store(store).damaged()) == []
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in store.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    data = bytearray((copy / "visual-0001.npy").read_bytes())
    data[-5] ^= 1
    (copy / "visual-0001.npy").write_bytes(data)
    assert list(read.open_store(copy).damaged()) == ["visual-0001.npy"]
    assert read_json(copy / "index.json")["rows"] == len(read.open_store(copy).clips)
