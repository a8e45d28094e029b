"""A logo that somebody uploaded becomes a PNG of our own: what was sent is never served. Pure."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import NewType

from PIL import Image, ImageOps

from accounts.errors import NotPossible

MAX_BYTES = 1_000_000
TOO_LARGE = "The file has more than 1 MB."
MAX_SIDE = 4096  # looked at before anything is decoded: 64 MiB of memory at most
MAX_PIXELS = 8_000_000
SIZE = (512, 128)  # of the PNG at most; pages show it a quarter as high
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")

Png = NewType("Png", bytes)  # one of ours

# What Pillow's decoders raise for broken files.
_BROKEN = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    SyntaxError,
    OverflowError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


def encode_logo(data: bytes) -> Png:
    """The picture (of an animation the first), upright, as PNG without metadata.
    Raises NotPossible with words for people."""
    if len(data) > MAX_BYTES:
        raise _refusal(TOO_LARGE)
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        raise _refusal("SVG files can hold programs. Save the logo as PNG, then choose that file.")
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            _require_bounded(picture)
            return _as_png(picture)
    except _BROKEN:
        raise _refusal("This is no picture in PNG, JPEG, WebP or GIF, or it is damaged.") from None


def _require_bounded(picture: Image.Image) -> None:
    width, height = picture.size
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise _refusal(
            f"The picture has {width} by {height} pixels. "
            f"{MAX_SIDE} in a row and {MAX_PIXELS // 1_000_000} million in all are enough."
        )


def _as_png(picture: Image.Image) -> Png:
    # A copy without `info`: no text, no profile, no place where it was taken.
    upright = ImageOps.exif_transpose(picture).convert("RGBA")
    upright.thumbnail(SIZE)
    clean = Image.new("RGBA", upright.size)
    clean.paste(upright)
    held = io.BytesIO()
    clean.save(held, "PNG", optimize=True)
    return Png(held.getvalue())


def _refusal(words: str) -> NotPossible:
    return NotPossible("logo_refused", words)
