"""Pictures of every depth, mode and orientation: what is seen of them, and what they cost."""

import os
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from asgml.lab.media import Reason, Unreadable, read_image
from asgml.lab.media.image import read_levels

RAMP = np.linspace(0, 1, 64)[None].repeat(64, 0)
"""Black at the left, white at the right."""
GREY = (RAMP * 255).astype("u1")


def tiff(path, bits, form, data, photometric=1):
    """A TIFF of 64 x 64 numbers, written by hand: Pillow writes few of those that it reads."""
    tags = [
        (256, 64),
        (257, 64),
        (258, bits),
        (259, 1),
        (262, photometric),
        (273, 8),
        (277, 1),
        (278, 64),
        (279, len(data)),
        (339, form),
    ]
    listed = b"".join(struct.pack("<HHII", tag, 4 if tag in (273, 279) else 3, 1, value) for tag, value in tags)
    path.write_bytes(b"II*\0" + struct.pack("<I", 8 + len(data)) + data + struct.pack("<H", len(tags)) + listed + bytes(4))


def twelve(values):
    left, right = values[:, 0::2].astype(int), values[:, 1::2].astype(int)
    return np.stack([left >> 4, (left & 15) << 4 | right >> 8, right & 255], -1).astype("u1").tobytes()


def saved(values, **how):
    return lambda path: Image.fromarray(values).save(path, **how)


def converted(mode):
    return lambda path: Image.fromarray(GREY).convert("RGB").convert(mode).save(path)


RAMPS = {
    "8.png": saved(GREY), "16.png": saved((RAMP * 65535).astype("u2")), "16.tiff": saved((RAMP * 65535).astype("<u2")),
    "16b.tiff": lambda path: Image.frombytes("I;16B", (64, 64), (RAMP * 65535).astype(">u2").tobytes()).save(path),
    "16.pgm": lambda path: path.write_bytes(b"P5 64 64 65535\n" + (RAMP * 65535).astype(">u2").tobytes()),
    "12.tiff": lambda path: tiff(path, 12, 1, twelve((RAMP * 4095).round())),
    "white_is_zero.tiff": lambda path: tiff(path, 16, 1, ((1 - RAMP) * 65535).astype("<u2").tobytes(), 0),
    "signed.tiff": lambda path: tiff(path, 16, 2, (RAMP * 20000 - 10000).astype("<i2").tobytes()),
    "i32.tiff": saved((RAMP * 100000).astype("i4")), "negative.tiff": saved((RAMP * 7 - 9).astype("f4")),
    "u32.tiff": lambda path: tiff(path, 32, 1, (RAMP * (2**32 - 1)).astype("<u4").tobytes()),
    "f32.tiff": saved(RAMP.astype("f4")), "metres.tiff": saved((RAMP * 10).astype("f4")),
    "jp2.jp2": saved((RAMP * 65535).astype("u2"), irreversible=False),
    "many.tiff": lambda path: Image.fromarray((RAMP * 65535).astype("u2")).save(
        path, save_all=True, append_images=[Image.fromarray(np.zeros((64, 64), "u2"))]),
    "la.png": converted("LA"), "rgba.png": converted("RGBA"), "rgb.webp": saved(GREY), "p.gif": converted("P"),
    "cmyk.jpg": converted("CMYK"), "cmyk.tiff": converted("CMYK"), "ycbcr.tiff": converted("YCbCr"),
}  # fmt: skip


@pytest.mark.parametrize("name", RAMPS)
def test_a_ramp_from_black_to_white_is_one_at_any_depth(name, tmp_path):
    RAMPS[name](tmp_path / name)
    tolerance = 24 if name == "p.gif" else 3  # 216 colours
    seen = read_image(tmp_path / name, 32)
    assert seen.shape == (3, 32, 32)
    assert np.abs(seen.mean((0, 1)) - np.linspace(2, 253, 32)).max() < tolerance
    levels = read_levels(tmp_path / name, 32)
    assert np.corrcoef(levels[0].ravel(), seen[0].ravel())[0, 1] > 0.995


def test_what_is_compared_between_pictures_keeps_its_levels(tmp_path):
    saved((RAMP * 4000 + 500).astype("u2"))(tmp_path / "millimetres.png")
    saved((RAMP * 10).astype("f4"))(tmp_path / "metres.tiff")
    millimetres = read_levels(tmp_path / "millimetres.png", 64)
    assert np.abs(millimetres * 65535 - (RAMP * 4000 + 500)).max() < 1.5
    assert len(np.unique(millimetres)) == 64
    assert np.abs(read_levels(tmp_path / "metres.tiff", 64) - RAMP * 10).max() < 1e-5


def test_an_eight_bit_grey_is_the_same_in_sixteen(tmp_path):
    saved(GREY)(tmp_path / "8.png")
    saved(GREY.astype("u2") * 257)(tmp_path / "16.png")
    assert np.abs(read_image(tmp_path / "8.png", 64).astype(int) - read_image(tmp_path / "16.png", 64)).max() == 0
    assert np.allclose(read_levels(tmp_path / "8.png", 64), read_levels(tmp_path / "16.png", 64))


def test_see_through_is_black_at_any_depth(tmp_path):
    Image.fromarray(np.full((8, 8), 9000, "u2")).save(tmp_path / "16.png", transparency=9000)
    Image.fromarray(np.full((8, 8, 4), (200, 200, 200, 0), "u1")).save(tmp_path / "8.png")
    Image.fromarray(np.full((8, 8), 90, "u1")).save(tmp_path / "l.png", transparency=90)
    for name in ("16.png", "8.png", "l.png"):
        assert read_image(tmp_path / name, 4).max() == 0


def turned(orientation, pixels):
    """What a viewer makes of an orientation, by its definition: where row 0 and column 0 of the file are shown."""
    flips = {2: np.fliplr, 3: lambda x: np.rot90(x, 2), 4: np.flipud, 5: lambda x: x.transpose(1, 0, 2),
             6: lambda x: np.rot90(x, -1), 7: lambda x: np.rot90(x, 2).transpose(1, 0, 2), 8: np.rot90}  # fmt: skip
    return flips.get(orientation, lambda x: x)(pixels)


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
def test_a_picture_stands_as_its_exif_says(orientation, ending, tmp_path):
    pixels = np.zeros((16, 16, 3), "u1")
    pixels[:8, :8], pixels[:8, 8:], pixels[8:, :8] = (250, 20, 20), (20, 250, 20), (20, 20, 250)
    exif = Image.Exif()
    exif[0x0112] = orientation
    how = {"quality": 95, "subsampling": 0} if ending == "jpg" else {"lossless": True} if ending == "webp" else {}
    Image.fromarray(pixels).save(tmp_path / f"a.{ending}", exif=exif, **how)
    seen = read_image(tmp_path / f"a.{ending}", 16).transpose(1, 2, 0).astype(int)
    assert np.abs(seen - turned(orientation, pixels)).max() < 30


def test_a_deep_picture_stands_as_its_exif_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray((RAMP * 65535).astype("u2")).save(tmp_path / "a.png", exif=exif)
    assert read_levels(tmp_path / "a.png", 64)[0] == pytest.approx(np.rot90(RAMP, -1), abs=1e-4)


def test_a_damaged_exif_costs_no_picture(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01")
    assert read_image(tmp_path / "a.jpg", 8).max() > 200


def reason(path):
    with pytest.raises(Unreadable) as caught:
        read_image(path, 8)
    return caught.value.reason, caught.value.detail


@pytest.mark.parametrize("side", [8_001, 12_000, 15_000])
@pytest.mark.filterwarnings("ignore:Image size")
def test_a_small_file_of_many_pixels_is_refused_before_they_are_made(side, tmp_path):
    parts = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    written = [struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts]
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(written))
    assert reason(tmp_path / "a.png")[0] is Reason.TOO_LARGE


def test_numbers_that_are_none_are_damage(tmp_path):
    saved(np.full((8, 8), np.nan, "f4"))(tmp_path / "a.tiff")
    assert reason(tmp_path / "a.tiff")[0] is Reason.DAMAGED


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for the program")
def test_a_picture_starts_no_other_program(tmp_path, monkeypatch):
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/called\necho 10.0\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "x.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\n")
    found, words = reason(tmp_path / "x.png")
    assert found is Reason.DAMAGED
    assert "the picture cannot be decoded" in words
    assert "%!PS-Adobe" in words
    assert not (tmp_path / "called").exists()


def test_a_picture_that_is_drawn_over_thousands_of_times_is_refused(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(GREY).save(path, progressive=True)
    data = path.read_bytes()
    assert read_image(path, 8).shape == (3, 8, 8)
    scan = data[data.rindex(b"\xff\xda") : -2]
    path.write_bytes(data[:-2] + scan * 1000 + data[-2:])
    assert "drawn over 10" in reason(path)[1]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_stripes_make_the_same_picture_as_the_whole(mode, tmp_path, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (37, 23, 4), np.uint8)
    Image.fromarray(pixels).convert(mode).save(tmp_path / "a.tiff")
    whole = read_image(tmp_path / "a.tiff", 16)
    monkeypatch.setattr("asgml.lab.media.image.STRIPE", 100)
    assert np.array_equal(read_image(tmp_path / "a.tiff", 16), whole)
    shown = np.rint(pixels[..., :3] * (pixels[..., 3:] / 255.0))
    Image.fromarray(shown.astype(np.uint8)).save(tmp_path / "b.png")
    if mode == "RGBA":
        assert np.abs(read_image(tmp_path / "b.png", 16).astype(int) - whole).max() <= 1
