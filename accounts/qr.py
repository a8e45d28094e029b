"""QR codes for links that are handed over."""

from __future__ import annotations

import base64
from io import BytesIO

import qrcode
from qrcode.image.svg import SvgPathImage


def qr_image(text: str) -> str:
    """A data address for `<img src>`: black on white, with its quiet zone."""
    held = BytesIO()
    qrcode.make(text, image_factory=SvgPathImage).save(held)
    return f"data:image/svg+xml;base64,{base64.b64encode(held.getvalue()).decode()}"
