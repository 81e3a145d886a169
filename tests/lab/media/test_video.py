import struct
from fractions import Fraction

import numpy as np
import pytest

from asgml.lab.media import Reason, Unreadable, read_frames, read_sound
from clips import film, tone

RNG = np.random.default_rng(0)


def greys(frames):
    """The number of each frame, from its grey."""
    return np.rint((frames.pixels.mean((1, 2, 3)) - 10) / 6)


def test_flv_frames_are_those_of_their_time(flv):
    frames = read_frames(flv, 3, 32, "even", RNG)
    assert frames.pixels.shape == (3, 3, 32, 32)
    assert frames.pixels.dtype == np.uint8
    assert np.abs(frames.times - [0.2, 0.6, 1.0]).max() < 0.04
    assert np.abs(greys(frames) - frames.times * 29.97).max() <= 1
    assert frames.seconds == pytest.approx(1.2, abs=0.02)


def test_first_is_the_beginning_of_the_clip(flv):
    frames = read_frames(flv, 2, 8, "first", RNG)
    assert frames.times == pytest.approx([0, 0.033], abs=1e-3)


def test_mp4_frames_out_of_decoding_order_are_put_in_order(mp4):
    frames = read_frames(mp4, 12, 8, "even", RNG)
    assert (np.diff(frames.times) > 0).all()
    assert np.abs(greys(frames) - frames.times * 29.97).max() <= 1


def test_channels_come_first_and_in_rgb(tmp_path):
    path = film(tmp_path / "red.mp4", seconds=0.2, codec="libx264", sound=None, size=(64, 48), grey=lambda n: (250, 10, 10))
    assert np.abs(read_frames(path, 1, 4, "even", RNG).pixels[0].mean((1, 2)) - [250, 10, 10]).max() < 20


def reason(path, **settings):
    with pytest.raises(Unreadable) as caught:
        read_frames(path, 3, 8, "even", RNG, **settings)
    return caught.value.reason


def test_each_failure_has_its_reason(flv, tmp_path):
    (tmp_path / "empty.flv").touch()
    (tmp_path / "noise.flv").write_bytes(RNG.bytes(5000))
    (tmp_path / "cut.flv").write_bytes(flv.read_bytes()[: flv.stat().st_size // 2])
    assert reason(tmp_path / "nowhere.flv") is Reason.MISSING
    assert reason(tmp_path / "empty.flv") is Reason.EMPTY
    assert reason(tmp_path / "noise.flv") is Reason.DAMAGED
    assert reason(tmp_path / "cut.flv") is Reason.DAMAGED
    assert reason(flv, least=1.5) is Reason.TOO_SHORT


@pytest.fixture(scope="module")
def quarters(tmp_path_factory):
    """A film whose four quarters differ, and where its display matrix stands."""
    import av

    path = tmp_path_factory.mktemp("quarters") / "a.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 64, 64, "yuv420p", 2_000_000
        for _ in range(4):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(QUARTERS, format="rgb24")))
        file.mux(stream.encode())
    data = path.read_bytes()
    return data, data.find(b"tkhd") + 4 + 4 + 20 + 16


QUARTERS = np.zeros((64, 64, 3), np.uint8)
QUARTERS[:32, :32], QUARTERS[:32, 32:], QUARTERS[32:, :32] = (250, 20, 20), (20, 250, 20), (20, 20, 250)
TURNS = {
    "as it is": ((1, 0, 0, 1), lambda x: x),
    "a quarter to the right": ((0, 1, -1, 0), lambda x: np.rot90(x, -1)),
    "upside down": ((-1, 0, 0, -1), lambda x: np.rot90(x, 2)),
    "a quarter to the left": ((0, -1, 1, 0), np.rot90),
    "mirrored": ((-1, 0, 0, 1), np.fliplr),
    "mirrored upside down": ((1, 0, 0, -1), np.flipud),
    "over the diagonal": ((0, 1, 1, 0), lambda x: x.transpose(1, 0, 2)),
    "over the other diagonal": ((0, -1, -1, 0), lambda x: np.rot90(x, 2).transpose(1, 0, 2)),
}


@pytest.mark.parametrize("turn", TURNS)
def test_frames_stand_as_the_film_says(turn, quarters, tmp_path):
    (a, b, c, d), expected = TURNS[turn]
    data, at = bytearray(quarters[0]), quarters[1]
    data[at : at + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    (tmp_path / "a.mp4").write_bytes(data)
    seen = read_frames(tmp_path / "a.mp4", 1, 64, "even", RNG).pixels[0].transpose(1, 2, 0).astype(int)
    assert np.abs(seen - expected(QUARTERS)).mean() < 12


@pytest.fixture(scope="module", params=["avi", "flv", "mkv", "webm", "mov", "mp4", "ts"])
def uneven(request, tmp_path_factory):
    """Films whose picture is longer than their sound, and the other way round."""
    folder = tmp_path_factory.mktemp("uneven")
    codecs = {"flv": ("flv1", "mp3"), "webm": ("libvpx", "libopus"), "avi": ("mpeg4", "mp3")}.get(
        request.param, ("mpeg4", "aac")
    )
    return [two_lengths(folder / f"{picture}.{request.param}", codecs, picture, 3.0 - picture) for picture in (1.0, 2.0)]


def two_lengths(path, codecs, picture, sound):
    import av

    with av.open(str(path), "w") as file:
        video = file.add_stream(codecs[0], rate=10)
        video.width, video.height, video.pix_fmt = 48, 32, "yuv420p"
        audio = file.add_stream(
            codecs[1].replace("mp3", "libmp3lame"), rate=48000 if codecs[1] == "libopus" else 44100, layout="mono"
        )
        packets = []
        for n in range(round(picture * 10)):
            pixels = np.random.default_rng(n).integers(0, 255, (32, 48, 3), np.uint8)
            packets += video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24"))
        packets += video.encode()
        size = audio.codec_context.frame_size or 960
        wave = tone(sound, audio.rate)
        for start in range(0, len(wave), size):
            frame = av.AudioFrame.from_ndarray(wave[None, start : start + size], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = audio.rate, start
            packets += audio.encode(frame)
        file.mux(sorted([*packets, *audio.encode()], key=lambda p: p.dts * p.time_base))
    return path


def test_a_film_whose_sound_and_picture_differ_in_length_is_whole(uneven):
    for path, picture in zip(uneven, (1.0, 2.0), strict=True):
        assert read_frames(path, 2, 8, "even", RNG).seconds == pytest.approx(picture, abs=0.15)
        assert read_sound(path, 16000).seconds == pytest.approx(3.0 - picture, abs=0.15)


@pytest.mark.parametrize("kept", [0.4, 0.75])
def test_one_that_is_cut_off_is_not(uneven, kept, tmp_path):
    if uneven[0].suffix == ".ts":
        pytest.skip("its length stands nowhere in it")
    for path in uneven:
        cut = tmp_path / path.name
        cut.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
        with pytest.raises(Unreadable, match=r"damaged"):
            read_frames(cut, 2, 8, "even", RNG)
        with pytest.raises(Unreadable, match=r"damaged"):
            read_sound(cut, 16000)


SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9876 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
LISTS = {
    "sdp": SDP,
    "concat": "ffconcat version 1.0\nfile ok.mp4\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nok.mp4\n#EXT-X-ENDLIST\n",
    "dash": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period/></MPD>',
    "subtitles": "1\n00:00:01,000 --> 00:00:02,000\nhello\n",
    "webvtt": "WEBVTT\n\n00:01.000 --> 00:02.000\nhello\n",
    "metadata": ";FFMETADATA1\ntitle=x\n",
    "rtsp": "[Reference]\nRef1=rtsp://127.0.0.1/x\n",
    "a text": "hello\n" * 100,
    "an ansi picture": "\x1b[31mred\x1b[0m\n" * 100,
}


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("read", [lambda p: read_frames(p, 1, 8, "even", RNG), lambda p: read_sound(p, 16000)])
def test_a_text_opens_no_socket_and_no_other_file(kind, read, mp4, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ok.mp4").write_bytes(mp4.read_bytes())
    (tmp_path / "a.mp4").write_text(LISTS[kind])
    with pytest.raises(Unreadable, match=r"cannot be decoded|not the file itself"):
        read(tmp_path / "a.mp4")


def test_frames_of_too_many_pixels_are_refused(flv, monkeypatch, tmp_path):
    monkeypatch.setattr("asgml.lab.media.image.PIXELS", 480 * 360 - 1)
    assert reason(flv) is Reason.TOO_LARGE


def test_the_cover_of_an_album_is_no_film(tmp_path):
    import av

    with av.open(str(tmp_path / "a.mp4"), "w") as file:
        audio = file.add_stream("aac", rate=44100, layout="mono")
        cover = file.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt, cover.disposition = 32, 32, "yuvj420p", av.stream.Disposition.attached_pic
        file.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
        file.mux(cover.encode())
        frame = av.AudioFrame.from_ndarray(tone(0.5, 44100)[None, :1024], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44100, 0
        file.mux([*audio.encode(frame), *audio.encode()])
    assert reason(tmp_path / "a.mp4") is Reason.NO_STREAM


@pytest.mark.parametrize(
    ("ending", "codec"), [("mp4", "libx264"), ("mkv", "libx264"), ("avi", "mpeg4"), ("flv", "flv1"), ("webm", "libvpx")]
)
def test_of_a_long_film_only_what_is_wanted_is_decoded(ending, codec, tmp_path, monkeypatch):
    path = film(
        tmp_path / f"a.{ending}", seconds=30, codec=codec, sound=None, size=(32, 32), grey=lambda n: 7 * n, rate=Fraction(10)
    )
    whole = read_frames(path, 4, 8, "even", RNG).pixels
    monkeypatch.setattr("asgml.lab.media.video.LONG", 10.0)
    monkeypatch.setattr("asgml.lab.media.video.BEFORE", 1.0)
    with monkeypatch.context() as patched:
        patched.setattr("asgml.lab.media.video._decoded", None)
        assert np.array_equal(read_frames(path, 4, 8, "even", RNG).pixels, whole)
    monkeypatch.setattr("asgml.lab.media.video._sought", lambda *_: None)
    assert np.array_equal(read_frames(path, 4, 8, "even", RNG).pixels, whole), "where a jump misses"
