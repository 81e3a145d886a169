import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgml.lab.datasets._wav import decode
from asgml.lab.errors import InputError

PATH = Path("/recordings/7_ann_3.wav")
Wav = Callable[..., bytes]
SAMPLES = np.round(8000 * np.sin(np.arange(1, 1001))) / 32768


def _set(content: bytes, at: int, value: int, form: str = "<I") -> bytes:
    return content[:at] + struct.pack(form, value) + content[at + struct.calcsize(form) :]


def _refused(content: bytes) -> str:
    with pytest.raises(InputError) as error:
        decode(PATH, content, 8000)
    message = str(error.value)
    assert message.startswith(f"{PATH}: ")
    assert message.endswith("replace this recording, or take it out of the folder")
    return message


def test_samples_come_as_they_are(wav: Wav) -> None:
    found = decode(PATH, wav(SAMPLES), 8000)
    assert found.dtype == np.float32
    assert np.array_equal(found, SAMPLES.astype(np.float32))


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_every_uncompressed_encoding_is_read(wav: Wav, subtype: str) -> None:
    assert np.allclose(decode(PATH, wav(SAMPLES, subtype=subtype), 8000), SAMPLES, atol=0.02)


def test_further_chunks_do_no_harm(wav: Wav) -> None:
    content = wav(SAMPLES) + b"LIST" + struct.pack("<I", 5) + b"hello\0"
    assert len(decode(PATH, _set(content, 4, len(content) - 8), 8000)) == 1000


def test_an_empty_file_is_refused() -> None:
    assert "it is empty (0 bytes)" in _refused(b"")


@pytest.mark.parametrize("content", [b"\0" * 500, b"<html>not found</html>", b"RIFF", b"OggS" + b"x" * 100])
def test_another_kind_of_file_is_refused(content: bytes) -> None:
    assert f"it is not a WAV file: it begins with {content[:12]!r}" in _refused(content)


def test_a_flac_under_the_name_of_a_wav_is_refused(wav: Wav) -> None:
    assert "it is not a WAV file: it begins with b'fLaC" in _refused(wav(SAMPLES, form="FLAC"))


def test_a_cut_file_is_refused_with_both_sizes(wav: Wav) -> None:
    message = _refused(wav(SAMPLES)[:1044])
    assert "its header promises 2000 bytes in its part b'data', 1000 are there: it was cut off or changed" in message


def test_a_file_cut_to_its_header_is_refused(wav: Wav) -> None:
    assert "promises 2000 bytes in its part b'data', 0 are there" in _refused(wav(SAMPLES)[:44])
    assert "its header promises 2044 bytes in all, 36 are there, in the parts ['fmt ']" in _refused(wav(SAMPLES)[:36])


@given(kept=st.integers(0, 2043))
@settings(max_examples=60, deadline=None)
def test_no_cut_goes_unnoticed(wav: Wav, kept: int) -> None:
    _refused(wav(SAMPLES)[:kept])


@pytest.mark.parametrize("promised", [0, 100, 1998, 2002, 4000, 2**32 - 1])
def test_a_header_that_lies_about_its_sound_is_refused(wav: Wav, promised: int) -> None:
    assert "its header promises" in _refused(_set(wav(SAMPLES), 40, promised))


@pytest.mark.parametrize("promised", [0, 36, 5000, 2**32 - 1])
def test_a_header_that_lies_about_the_file_is_refused(wav: Wav, promised: int) -> None:
    assert f"its header promises {promised + 8} bytes in all, 2044 are there" in _refused(_set(wav(SAMPLES), 4, promised))


def test_half_a_sample_is_refused(wav: Wav) -> None:
    message = _refused(_set(_set(wav(SAMPLES), 4, 2035), 40, 1999))
    assert "its header promises 1999 bytes of sound, 999 samples of PCM_16 could be read" in message


def test_bytes_behind_the_end_are_refused(wav: Wav) -> None:
    assert "2049 are there" in _refused(wav(SAMPLES) + b"junk!")


def test_another_rate_is_refused(wav: Wav) -> None:
    assert "must have 8000 Hz, 1 channel, uncompressed, found 16000 Hz, 1, PCM_16; convert it" in _refused(wav(SAMPLES, 16000))


def test_two_channels_are_refused(wav: Wav) -> None:
    assert "found 8000 Hz, 2, PCM_16" in _refused(wav(np.stack([SAMPLES, SAMPLES], axis=1)))


def test_a_compressed_encoding_is_refused(wav: Wav) -> None:
    assert "found 8000 Hz, 1, IMA_ADPCM" in _refused(wav(SAMPLES, subtype="IMA_ADPCM"))


def test_a_header_of_an_unknown_encoding_is_refused(wav: Wav) -> None:
    assert "libsndfile cannot read it: " in _refused(_set(wav(SAMPLES), 20, 0x7777, "<H"))


def test_no_samples_and_silence_are_refused(wav: Wav) -> None:
    assert "it holds no samples" in _refused(wav(np.zeros(0)))
    assert "it is silent throughout" in _refused(wav(np.zeros(900)))


def test_samples_that_are_no_numbers_are_refused(wav: Wav) -> None:
    broken = SAMPLES.copy()
    broken[5] = np.nan
    assert "infinite or not a number" in _refused(wav(broken, subtype="FLOAT"))
