"""WAV and its kin whose header was never filled in, or counts too much, or has odd parts; and files whose end is missing."""

import struct

import numpy as np
import pytest
import soundfile

from asgml.lab.media import Reason, Unreadable, read_sound
from asgml.lab.media.sound import length
from clips import tone

RATE = 16000
WAVE = tone(0.5, RATE)
PCM = (WAVE * 32767).astype("<i2").tobytes()
N = len(PCM)
PIPES = [0, 0x7FFFF000, 0x7FFFFFDA, 0x7FFFFFFF, 0x80000000, 0x80000024, 0xFFFFF000, 0xFFFFFFDB, 0xFFFFFFFF]


def riff(size, body=PCM, before=b"", after=b"", kind=b"RIFF"):
    order = ">" if kind == b"RIFX" else "<"
    if order == ">":
        body = np.frombuffer(body, "<i2").astype(">i2").tobytes()
    form = b"fmt " + struct.pack(f"{order}IHHIIHH", 16, 1, 1, RATE, RATE * 2, 2, 16)
    head = kind + struct.pack(f"{order}I", min(size + 36 + len(before), 2**32 - 1)) + b"WAVE"
    return head + form + before + b"data" + struct.pack(f"{order}I", size) + body + after


def long(size, kind=b"RF64", total=0):
    """A file for more than 4 GB, whose true sizes stand in a part of their own."""
    sizes = b"ds64" + struct.pack("<IQQQI", 28, total, size, 0, 0)
    data = riff(0xFFFFFFFF, kind=kind)
    return data[:4] + b"\xff" * 4 + b"WAVE" + sizes + data[12:]


def part(name, content, padded=True):
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2 and padded)


def au(size):
    return b".snd" + struct.pack(">IIIII", 24, size, 3, RATE, 1) + np.frombuffer(PCM, "<i2").astype(">i2").tobytes()


WHOLE = {f"RIFF {size:x}": riff(size) for size in PIPES}
WHOLE |= {f"RIFX {size:x}": riff(size, kind=b"RIFX") for size in (N, 0, 0x7FFFFFFF)}
WHOLE |= {f"{kind.decode()} {size:x}": long(size, kind)
          for kind in (b"RF64", b"BW64") for size in (N, 0, 2**32 - 1, 2**63 - 1, 2**64 - 1)}  # fmt: skip
WHOLE |= {f"AU {size:x}": au(size) for size in (N, 0, 0xFFFFFFFF, 0x7FFFFFFF)}
WHOLE |= {f"{more} bytes too many": riff(N + more) for more in (1, 2, 8, 16, 36, 44, 64)}
WHOLE |= {
    "nothing odd": riff(N),
    "a part before": riff(N, before=part(b"LIST", b"INFO")),
    "an odd part": riff(N, before=part(b"note", b"abc")),
    "an odd part, not filled up": riff(N, before=part(b"note", b"abc", padded=False)),
    "an odd part in a pipe": riff(0, before=part(b"note", b"abc")),
    "parts behind": riff(N, after=part(b"LIST", b"INFO") + b"TAGtitle"),
    "zeros behind": riff(N, after=bytes(2048)),
    "half a sample behind": riff(0, after=b"\1"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_sound_is_read_whole(name, tmp_path):
    (tmp_path / "a.wav").write_bytes(WHOLE[name])
    sound = read_sound(tmp_path / "a.wav", RATE)
    assert len(sound.samples) == N // 2
    assert sound.samples == pytest.approx(WAVE, abs=1e-4)
    assert length(tmp_path / "a.wav") == pytest.approx(0.5, abs=1e-3)


def reason(path):
    with pytest.raises(Unreadable) as caught:
        read_sound(path, RATE)
    return caught.value.reason


@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "AIFF", "AU", "W64", "CAF", "RF64", "FLAC"])
@pytest.mark.parametrize("kept", [0.5, 0.97])
def test_a_sound_whose_end_is_missing_is_damaged(kind, kept, tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.3, 0.3, 8000), RATE, format=kind, subtype="PCM_16")
    assert read_sound(path, RATE).seconds == 0.5
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    assert reason(path) is Reason.DAMAGED


def test_no_samples_before_other_parts_are_none(tmp_path):
    (tmp_path / "a.wav").write_bytes(riff(0, body=b"", after=part(b"LIST", b"INFO" * 100)))
    assert reason(tmp_path / "a.wav") is Reason.TOO_SHORT


def test_a_file_of_nothing_but_parts_ends_soon(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"RIFF\xff\xff\xff\xffWAVE" + part(b"junk", b"") * 200_000)
    assert reason(tmp_path / "a.wav") is Reason.DAMAGED


@pytest.mark.parametrize(
    ("kind", "codec"),
    [("WAV", "GSM610"), ("AIFF", "GSM610"), ("W64", "GSM610"), ("AU", "G721_32"), ("AU", "G723_24"), ("AU", "G723_40"),
     ("WAV", "G721_32"), ("WAV", "NMS_ADPCM_16"), ("WAV", "NMS_ADPCM_32"), ("WAV", "ULAW"), ("WAV", "ALAW"), ("WAV", "FLOAT"),
     ("WAV", "DOUBLE"), ("WAV", "PCM_24"), ("WAV", "PCM_U8"), ("WAV", "IMA_ADPCM"), ("WAV", "MS_ADPCM"), ("CAF", "ALAC_16")],
)  # fmt: skip
def test_odd_codecs_are_read(kind, codec, tmp_path):
    soundfile.write(tmp_path / "a", tone(1.0, 8000, level=0.5), 8000, format=kind, subtype=codec)
    sound = read_sound(tmp_path / "a", 8000)
    assert sound.seconds == pytest.approx(1.0, abs=0.07)
    heard = np.abs(np.fft.rfft(sound.samples[1000:7000] * np.hanning(6000)))
    assert heard.argmax() * 8000 / 6000 == pytest.approx(440, abs=3)


@pytest.mark.parametrize("codec", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("missing", [1, 10, 1000])
def test_an_ogg_that_ends_within_a_page_is_damaged(codec, missing, tmp_path):
    path = tmp_path / "a.ogg"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.3, 0.3, 48000).astype("f4"), 48000, format="OGG", subtype=codec)
    assert read_sound(path, RATE).seconds == pytest.approx(1, abs=0.01)
    path.write_bytes(path.read_bytes()[:-missing])
    assert reason(path) is Reason.DAMAGED
