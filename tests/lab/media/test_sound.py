import numpy as np
import pytest
import soundfile

from asgml.lab.media import Reason, Unreadable, read_sound
from asgml.lab.media.sound import length
from clips import film, tone


def pitch(sound):
    middle = sound.samples[len(sound.samples) // 4 : -len(sound.samples) // 4]
    return np.abs(np.fft.rfft(middle * np.hanning(len(middle)))).argmax() * sound.rate / len(middle)


def test_wav_is_resampled_and_its_channels_averaged(tmp_path):
    wave = tone(1.0, 16000, 440)
    soundfile.write(tmp_path / "a.wav", np.stack([2 * wave, 0 * wave], 1), 16000, subtype="FLOAT")
    sound = read_sound(tmp_path / "a.wav", 22050)
    assert (sound.rate, sound.samples.dtype, len(sound.samples)) == (22050, np.float32, 22050)
    assert sound.samples[500:-500] == pytest.approx(tone(1.0, 22050, 440)[500:-500], abs=2e-3)


@pytest.mark.parametrize("name", ["flv", "mp4"])
def test_the_sound_of_a_film(name, request):
    sound = read_sound(request.getfixturevalue(name), 22050)
    assert pitch(sound) == pytest.approx(440, abs=3)
    assert sound.seconds == pytest.approx(1.2, abs=0.06)
    assert np.abs(sound.samples).max() == pytest.approx(0.3, abs=0.05)


def reason(path, **settings):
    with pytest.raises(Unreadable) as caught:
        read_sound(path, 22050, **settings)
    return caught.value.reason


def test_each_failure_has_its_reason(tmp_path):
    good = tmp_path / "good.wav"
    soundfile.write(good, tone(0.5, 16000), 16000)
    soundfile.write(tmp_path / "silent.wav", np.zeros(8000), 16000)
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 16000)
    soundfile.write(tmp_path / "nan.wav", np.full(8000, np.nan), 16000, subtype="FLOAT")
    (tmp_path / "cut.wav").write_bytes(good.read_bytes()[:-100])
    (tmp_path / "empty.wav").touch()
    (tmp_path / "noise.wav").write_bytes(np.random.default_rng(0).bytes(3000))
    mute = film(tmp_path / "mute.mp4", seconds=0.2, codec="libx264", sound=None, size=(64, 48))
    assert reason(tmp_path / "nowhere.wav") is Reason.MISSING
    assert reason(tmp_path / "empty.wav") is Reason.EMPTY
    assert reason(tmp_path / "noise.wav") is Reason.DAMAGED
    assert reason(tmp_path / "cut.wav") is Reason.DAMAGED
    assert reason(tmp_path / "nan.wav") is Reason.DAMAGED
    assert reason(tmp_path / "none.wav") is Reason.TOO_SHORT
    assert reason(good, least=0.6) is Reason.TOO_SHORT
    assert reason(tmp_path / "silent.wav") is Reason.SILENT
    assert reason(mute) is Reason.NO_STREAM


def test_a_length_that_a_recorder_never_filled_in_is_no_damage(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(0.5, 16000), 16000)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff" * 4
    (tmp_path / "b.wav").write_bytes(data)
    assert read_sound(tmp_path / "b.wav", 16000).seconds == 0.5


def stereo(*channels):
    return np.stack(channels, 1)


@pytest.mark.parametrize("kind", ["wav", "flac", "mkv"])
def test_channels_that_cancel_are_heard(kind, tmp_path):
    wave, other = tone(0.5, 16000, 440), tone(0.5, 16000, 700)
    path = tmp_path / f"a.{kind}"
    if kind == "mkv":
        film_with_sound(path, stereo(wave, -wave))
    else:
        soundfile.write(path, stereo(wave, -wave), 16000)
    assert np.abs(read_sound(path, 16000).samples).max() == pytest.approx(0.3, abs=0.05)
    soundfile.write(tmp_path / "b.wav", stereo(wave, -0.98 * wave, 0 * wave), 16000)
    assert read_sound(tmp_path / "b.wav", 16000).samples == pytest.approx(wave, abs=1e-3), "the loudest"
    soundfile.write(tmp_path / "c.wav", stereo(wave, other), 16000, subtype="FLOAT")
    assert read_sound(tmp_path / "c.wav", 16000).samples == pytest.approx((wave + other) / 2, abs=1e-6), "the average"
    soundfile.write(tmp_path / "d.wav", stereo(wave, *[0 * wave] * 7), 16000, subtype="FLOAT")
    assert read_sound(tmp_path / "d.wav", 16000).samples == pytest.approx(wave / 8, abs=1e-6), "one of eight that speaks"


def film_with_sound(path, channels):
    import av

    with av.open(str(path), "w") as file:
        stream = file.add_stream("pcm_s16le", rate=16000, layout="stereo")
        for start in range(0, len(channels), 8000):
            part = (channels[start : start + 8000] * 32767).astype("<i2").reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(part, format="s16", layout="stereo")
            frame.sample_rate, frame.pts = 16000, start
            file.mux(stream.encode(frame))
        file.mux(stream.encode())


@pytest.mark.parametrize("kind", ["flac", "wav", "mka"])
def test_of_a_long_sound_no_more_is_decoded_than_is_wanted(kind, tmp_path, monkeypatch):
    wave = np.tile(tone(1.0, 8000), 70) + np.arange(560000) * np.float32(1e-6)
    path = tmp_path / f"a.{kind}"
    if kind == "mka":
        path = tmp_path / "a.mkv"
        film_with_sound(path, stereo(wave, wave)[: 70 * 8000] * 0.5)  # 35 s at 16,000 Hz
        monkeypatch.setattr("asgml.lab.media.sound.LONGER", 10.0)
    else:
        soundfile.write(path, wave, 8000)
    whole = read_sound(path, 16000)
    some = read_sound(path, 16000, most=5)
    assert some.seconds == pytest.approx(whole.seconds, abs=0.01)
    assert len(some.samples) < 7 * 16000 < len(whole.samples)
    assert np.array_equal(some.samples[: 5 * 16000], whole.samples[: 5 * 16000])
    assert length(path) == pytest.approx(whole.seconds, abs=0.01)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.9)])
    with pytest.raises(Unreadable, match=r"cut off|cannot be decoded"):
        read_sound(path, 16000, most=5)


def test_more_than_can_be_held_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("asgml.lab.media.sound.MOST_SAMPLES", 10_000)
    soundfile.write(tmp_path / "a.flac", np.zeros(16000), 16000)
    with pytest.raises(Unreadable, match="too large: 1 s at 16000 Hz are more than can be held"):
        read_sound(tmp_path / "a.flac", 16000)
