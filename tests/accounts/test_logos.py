"""B1: nothing that was uploaded is ever served; only pictures that we drew anew."""

from __future__ import annotations

import io
import random
import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

from accounts.errors import NotPossible
from accounts.organisations.logos import MAX_BYTES, encode_logo


def picture(form: str, size: tuple[int, int] = (300, 90), **options: object) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", size, "#0b6a86").save(held, form, **options)
    return held.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_picture_becomes_our_own_png(form):
    with Image.open(io.BytesIO(encode_logo(picture(form)))) as logo:
        assert (logo.format, logo.size) == ("PNG", (300, 90))


def test_a_large_one_becomes_smaller_and_keeps_its_shape():
    with Image.open(io.BytesIO(encode_logo(picture("PNG", (2000, 1000))))) as logo:
        assert logo.size == (256, 128)


def test_what_else_was_in_the_file_is_gone():
    hidden = b"<script>alert(1)</script>"
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", hidden.decode())
    exif = Image.Exif()
    exif[0x010E] = hidden.decode()
    for data in (
        picture("PNG", pnginfo=notes) + hidden,
        picture("JPEG", exif=exif, comment=hidden),
        picture("GIF", comment=hidden),
    ):
        assert hidden in data
        assert b"script" not in encode_logo(data)


@pytest.mark.parametrize(
    "data",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"\xef\xbb\xbf  <?xml version='1.0'?><svg/>",
        b"<!doctype html><script>alert(1)</script>",
    ],
)
def test_svg_is_refused_with_the_reason(data):
    with pytest.raises(NotPossible, match="SVG files can hold programs"):
        encode_logo(data)


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", b"%PDF-1.7", picture("BMP"), picture("TIFF"), picture("PNG")[:60]]
)
def test_what_is_no_picture_of_ours_is_refused(data):
    with pytest.raises(NotPossible, match="no picture"):
        encode_logo(data)


def test_a_picture_that_unpacks_to_a_huge_one_is_refused_before_it_is_decoded():
    """A few bytes that say 50,000 by 50,000 pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 6, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000)))
    with pytest.raises(NotPossible, match=r"50000 by 50000|no picture"):
        encode_logo(bomb + chunk(b"IEND", b""))
    with pytest.raises(NotPossible, match="4097 by 1 pixels"):
        encode_logo(picture("PNG", (4097, 1)))


def test_text_that_unpacks_to_megabytes_does_no_harm():
    whole = picture("PNG")
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50_000_000), 9))
    with pytest.raises(NotPossible):
        encode_logo(whole[:33] + text + whole[33:])


def test_too_many_bytes_are_refused():
    with pytest.raises(NotPossible, match="more than 1 MB"):
        encode_logo(bytes(MAX_BYTES + 1))


def test_a_damaged_file_never_ends_in_an_error_of_ours():
    chance = random.Random(4)
    wholes = [picture(form, (40, 20)) for form in ("PNG", "JPEG", "WEBP", "GIF")]
    for _ in range(600):
        data = bytearray(chance.choice(wholes))
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            encode_logo(bytes(data[: chance.randint(1, len(data))]))
        except NotPossible:
            continue
