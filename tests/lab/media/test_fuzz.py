"""Media with flipped bytes and cut ends: read, or refused with a reason; never a crash, a hang, or half a sample."""

import numpy as np
import pytest
import soundfile

from asgml.lab import media
from asgml.lab.prepared import read as stores
from asgml.lab.prepared.clip import Clip
from asgml.lab.prepared.prepare import Job, Listing, prepare
from asgml.lab.prepared.settings import Reading
from clips import film, tone

READING = Reading.model_validate({"spectrum": {"kind": "mel", "bands": 8, "seconds": 0.2}, "frames": {"count": 2, "size": 8}})
TRIES = 10


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    soundfile.write(folder / "a.wav", tone(0.4, 16000), 16000)
    films = (
        film(folder / "a.flv", seconds=0.4, size=(64, 48)),
        film(folder / "a.mp4", seconds=0.4, size=(64, 48), codec="libx264", sound="aac"),
    )
    return [(folder / "a.wav").read_bytes(), *(path.read_bytes() for path in films)]


def spoilt(data: bytes, rng: np.random.Generator) -> bytes:
    """Flip some bytes, most of them near the head; cut the end; or drop, repeat or zero a stretch."""
    found = bytearray(data)
    kind = rng.integers(4)
    at = int(rng.integers(len(found)) ** rng.choice([0.6, 1.0]))
    if kind == 0:
        for _ in range(int(rng.integers(1, 30))):
            found[int(rng.integers(len(found)) ** rng.choice([0.6, 1.0]))] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        del found[at:]
    elif kind == 2:
        found[at : at + 50] = found[at // 2 : at // 2 + int(rng.integers(200))]
    else:
        found[at : at + 80] = bytes(80)
    return bytes(found)


@pytest.fixture(scope="module")
def fuzzed(whole, tmp_path_factory):
    """Spoilt clips: a recording and a film each, all from one seed."""
    folder, rng, clips = tmp_path_factory.mktemp("fuzzed"), np.random.default_rng(0), []
    for n in range(3 * TRIES):
        sound, picture = folder / f"{n}.wav", folder / f"{n}.flv"
        sound.write_bytes(spoilt(whole[n % 3], rng))
        picture.write_bytes(spoilt(whole[1 + n % 2], rng))
        clips.append(Clip(f"clip{n}", "yes", {"audio": sound, "visual": picture}))
    return clips


def test_in_children_a_store_comes_of_it_that_is_whole(fuzzed, tmp_path):
    outcome = prepare(Listing("fuzz", ("yes",), tuple(fuzzed)), READING, tmp_path / "out", Job(jobs=2, patience=20))
    store = stores.open_store(tmp_path / "out")
    assert 0 < outcome.rows == len(store.clips) < len(fuzzed)
    assert {p["id"] for p in store.problems()} == {c.id for c in fuzzed} - {c["id"] for c in store.clips}
    assert {p["reason"] for p in store.problems()} <= {str(reason) for reason in media.Reason}
    assert list(store.damaged()) == []
    assert np.isfinite(np.asarray(store.stored("audio", lambda x: x))).all()


def test_the_same_bytes_give_the_same_answer(fuzzed):
    for clip in fuzzed[:10]:
        assert answer(clip) == answer(clip)


def answer(clip):
    try:
        sound = media.read_sound(clip.files["audio"], 16000)
        frames = media.read_frames(clip.files["visual"], 2, 8, "even", np.random.default_rng(0))
    except media.Unreadable as error:
        return str(error)
    return sound.samples.tobytes() + frames.pixels.tobytes()


BROKEN = {
    "a part that ends beyond any file": b"caff\0\1\0\0junk" + b"\x7f" * 8 + bytes(100),
    "a part as long as numbers go": b"caff\0\1\0\0junk" + b"\xff" * 8 + bytes(100),
    "a part before its own beginning": b"riff" + bytes(20) + b"wave" + bytes(12) + b"junk" + bytes(12) + b"\1" + bytes(200),
}


@pytest.mark.parametrize("name", BROKEN)
def test_sizes_that_cannot_be_are_damage(name, tmp_path, capfd):
    (tmp_path / "a").write_bytes(BROKEN[name])
    with pytest.raises(media.Unreadable):
        media.read_sound(tmp_path / "a", 16000)
    assert "Traceback" not in capfd.readouterr().err


def test_a_codec_that_nobody_knows_is_damage(whole, tmp_path):
    (tmp_path / "a.mp4").write_bytes(whole[2].replace(b"avc1", b"zzz1"))
    with pytest.raises(media.Unreadable, match="is coded in a way that is not known here"):
        media.read_frames(tmp_path / "a.mp4", 1, 8, "even", np.random.default_rng(0))
