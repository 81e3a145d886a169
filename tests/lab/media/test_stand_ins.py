"""What lies in the place of media where a download went wrong is told by its content, under any name, with the way out."""

import json
import os
import socket

import numpy as np
import pytest

from asgml.lab.datasets import _fsdd, _wav
from asgml.lab.datasets.manifest import reading
from asgml.lab.errors import InputError
from asgml.lab.media import Reason, Unreadable, read_flow, read_frames, read_image, read_sound
from asgml.lab.media.stand_ins import stand_in
from asgml.lab.prepared.sources import tables

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 72862\n"
PAGE = b"<!DOCTYPE html>\n<html><body>404</body></html>"
INSTEAD = {
    "Git LFS": (LFS, "git lfs pull"),
    "git-annex": (b"/annex/objects/SHA256E-s100--abc.wav\n", "git annex get"),
    "DVC": (b"outs:\n- md5: abc\n  path: a.wav\n", "dvc pull"),
    "a page": (PAGE, "web page"),
    "a page in capitals": (b"\n\n<HTML><HEAD><TITLE>Sign in</TITLE>", "web page"),
    "a page after a mark": (b"\xef\xbb\xbf<html lang='en'>", "web page"),
    "a page after a comment": (b"<!-- x -->\n<!doctype html>", "web page"),
    "XHTML": (b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x">', "web page"),
    "a page in UTF-16": ("\ufeff<html>".encode("utf-16-le"), "web page"),
    "an error of S3": (b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>', "XML"),
    "an error without a head": (b"<Error><Code>NoSuchKey</Code></Error>", "XML"),
    "an error in JSON": (json.dumps({"message": "Not Found"}).encode(), "JSON"),
    "a list in JSON": (b'[\n  {"error": 1}\n]', "JSON"),
    "zeros": (bytes(5000), "not finished"),
    "white space": (b"\n\n  \n", "white space"),
}
READERS = {
    "sound": lambda p: read_sound(p, 16000),
    "film": lambda p: read_frames(p, 1, 8, "even", np.random.default_rng(0)),
    "picture": lambda p: read_image(p, 8),
}


@pytest.mark.parametrize("name", INSTEAD)
@pytest.mark.parametrize("kind", READERS)
def test_it_is_told_whatever_is_read(name, kind, tmp_path):
    content, words = INSTEAD[name]
    (tmp_path / "a.bin").write_bytes(content)
    with pytest.raises(Unreadable) as caught:
        READERS[kind](tmp_path / "a.bin")
    assert caught.value.reason is Reason.STAND_IN
    assert words in caught.value.detail
    with pytest.raises(reading.Bad, match=words):
        reading.read("array", "a.bin", tmp_path, None)


def test_an_empty_file_has_its_way_out(tmp_path):
    (tmp_path / "a").touch()
    for read in READERS.values():
        with pytest.raises(Unreadable, match=r"empty: 0 bytes: .*get the file again"):
            read(tmp_path / "a")
    with pytest.raises(reading.Bad, match="empty: 0 bytes"):
        reading.read("array", "a", tmp_path, None)


def test_a_text_is_quoted(tmp_path):
    (tmp_path / "a").write_text("404: Not Found")
    for read in READERS.values():
        with pytest.raises(Unreadable, match=r"cannot be decoded: .*it holds text: '404: Not Found'"):
            read(tmp_path / "a")
    with pytest.raises(reading.Bad, match=r"no .npy file; it holds text: '404: Not Found'"):
        reading.read("array", "a", tmp_path, None)


@pytest.mark.parametrize(
    "head",
    [b"RIFF", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"fLaC", b"OggS", b"ID3", b"\x93NUMPY", b"\0\0\0\x18ftyp",
     b"\x1aE\xdf\xa3", b"FLV\x01", b"GIF89a", b"P5 8 8 255\n",
     b"BM", b"II*\0", b"\xff\xfb\x90", b"{\xff\x00", b"<\x00\x80", b"[\x01\x00"],
)  # fmt: skip
def test_media_are_never_taken_for_anything_else(head):
    assert stand_in(head + np.random.default_rng(0).bytes(2000)) is None
    assert stand_in(b"\0" * 8 + head) is None


def test_a_broken_link_names_its_place(tmp_path):
    (tmp_path / "a.wav").symlink_to("../.git/annex/objects/x/y.wav")
    with pytest.raises(Unreadable, match=r"missing: .*annex/objects/x/y.wav, which is not there; run `git annex get`"):
        read_sound(tmp_path / "a.wav", 16000)


def test_recordings_and_lists_are_told_too(tmp_path):
    with pytest.raises(InputError, match=r"it is not a WAV file: .*git lfs pull"):
        _wav.decode(tmp_path / "0_a_0.wav", LFS, 8000)
    (tmp_path / "list.csv").write_bytes(LFS)
    for read in (tables.lines, tables.rows):
        with pytest.raises(InputError, match=r"--metadata: .*git lfs pull"):
            read(tmp_path / "list.csv")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: socket.socket(socket.AF_UNIX).bind(str(path))])
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_pipe_is_refused_at_once(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make("0_a_0.wav")
    path = tmp_path / "0_a_0.wav"
    for read in READERS.values():
        with pytest.raises(Unreadable, match="no file but a folder, a pipe or a device"):
            read(path)
    with pytest.raises(InputError, match=r"must be a file|Is a directory"):
        _fsdd.read(tmp_path)
    for read in (tables.lines, tables.rows):
        with pytest.raises(InputError, match="cannot be read"):
            read(path)
    with pytest.raises(reading.Bad, match="no file"):
        reading.read("array", "0_a_0.wav", tmp_path, None)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
def test_a_picture_of_flow_that_is_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "flow_x_00001.jpg")
    os.mkfifo(tmp_path / "flow_y_00001.jpg")
    with pytest.raises(Unreadable, match="a pipe or a device"):
        read_flow(tmp_path, 1, 8)


def test_an_array_that_promises_more_than_is_there_takes_no_memory(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    data = (tmp_path / "a.npy").read_bytes()
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999,), }".ljust(117) + b"\n"
    (tmp_path / "a.npy").write_bytes(data[:8] + len(head).to_bytes(2, "little") + head + data[-24:])
    with pytest.raises(reading.Bad, match="it is damaged"):
        reading.read("array", "a.npy", tmp_path, None)
    np.savez(tmp_path / "b.npz", a=1)
    with pytest.raises(reading.Bad, match="one array, found several"):
        reading.read("array", "b.npz", tmp_path, None)
