import numpy as np
import pytest
import soundfile

from asgml.lab.media import Reason, Unreadable, read_sound
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
