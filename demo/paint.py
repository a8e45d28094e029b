"""Flat drawing with soft edges: what the places of the sample scenes are painted with.

Coordinates are pixels of the HD picture. Everything is drawn four times as large and then
reduced, which is what makes edges smooth. Colours are `#rrggbb`, or `#rrggbbaa` where noted.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFilter, ImageFont

WIDTH, HEIGHT = 1280, 720
SCALE = 4

Picture = Image.Image
Box = tuple[float, float, float, float]
Point = tuple[float, float]


class Pen:
    """Draws shapes on a large transparent sheet; `sprite` gives it in its real size."""

    def __init__(self, width: int, height: int) -> None:
        self.sheet = Image.new("RGBA", (width * SCALE, height * SCALE))
        self.draw = ImageDraw.Draw(self.sheet)
        self.size = (width, height)

    def box(self, area: Box, colour: str, radius: float = 0) -> None:
        self.draw.rounded_rectangle(_grown(area), radius * SCALE, fill=colour)

    def oval(self, area: Box, colour: str) -> None:
        self.draw.ellipse(_grown(area), fill=colour)

    def disc(self, centre: Point, radius: float, colour: str) -> None:
        (x, y), r = centre, radius
        self.oval((x - r, y - r, x + r, y + r), colour)

    def shape(self, points: Sequence[Point], colour: str) -> None:
        self.draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=colour)

    def line(self, points: Sequence[Point], colour: str, width: float) -> None:
        """A line with round ends and joints."""
        self.draw.line(
            [(x * SCALE, y * SCALE) for x, y in points],
            fill=colour,
            width=round(width * SCALE),
            joint="curve",
        )
        for point in points:
            self.disc(point, width / 2, colour)

    def text(self, at: Point, words: str, size: int, colour: str, anchor: str = "mm") -> None:
        x, y = at
        place = (x * SCALE, y * SCALE)
        self.draw.text(place, words, font=font(size * SCALE), fill=colour, anchor=anchor)

    def sprite(self) -> Picture:
        return self.sheet.resize(self.size, Image.Resampling.BOX)


def _grown(area: Box) -> Box:
    left, top, right, bottom = area
    # Pillow's boxes include their last pixel.
    return left * SCALE, top * SCALE, right * SCALE - 1, bottom * SCALE - 1


@lru_cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own scalable font: none has to be installed or kept here."""
    return ImageFont.load_default(size)


def gradient(width: int, height: int, *stops: tuple[float, str]) -> Picture:
    """A picture that runs from colour to colour, top (0.0) to bottom (1.0)."""
    colours = np.array([ImageColor.getcolor(colour, "RGB") for _, colour in stops], float)
    where = np.linspace(0, 1, height)
    places = [at for at, _ in stops]
    rows = np.stack([np.interp(where, places, colours[:, c]) for c in range(3)], axis=1)
    pixels = np.repeat(rows[:, None, :], width, axis=1)
    return Image.fromarray(pixels.round().astype(np.uint8))


@lru_cache
def glow(radius: int, colour: str, strength: float = 1.0) -> Picture:
    """Light around a lamp, brightest in its middle; `strength` 0 to 1."""
    y, x = np.mgrid[-radius:radius, -radius:radius]
    fall = np.clip(1 - np.hypot(x, y) / radius, 0, 1) ** 2
    return _tinted(fall * strength, colour)


@lru_cache
def beam(length: int, height: int, colour: str, strength: float = 0.6) -> Picture:
    """A cone of light that starts at the left edge and fades to the right."""
    y, x = np.mgrid[0:height, 0:length]
    along = x / length
    across = np.abs(y - height / 2) / (height / 2 * (0.15 + 0.85 * along))
    return _tinted(np.clip(1 - across, 0, 1) * (1 - along) ** 1.5 * strength, colour)


def _tinted(opacity: np.ndarray[tuple[int, ...], np.dtype[np.floating]], colour: str) -> Picture:
    alpha = Image.fromarray((opacity * 255).astype(np.uint8))
    light = Image.new("RGBA", alpha.size, colour)
    light.putalpha(alpha)
    return light


def lay(picture: Picture, sprite: Picture, x: float, y: float) -> None:
    """Lay a sprite with its left upper corner at (x, y); what falls outside is cut off."""
    picture.paste(sprite, (round(x), round(y)), sprite)


def stand(picture: Picture, sprite: Picture, x: float, y: float) -> None:
    """Stand a sprite on the ground: the middle of its lower edge at (x, y)."""
    lay(picture, sprite, x - sprite.width / 2, y - sprite.height)


def shine(picture: Picture, light: Picture, x: float, y: float) -> None:
    """Lay a light with its middle at (x, y)."""
    lay(picture, light, x - light.width / 2, y - light.height / 2)


def mirrored(sprite: Picture) -> Picture:
    return sprite.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def upside_down(picture: Picture) -> Picture:
    return picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)


def scaled(sprite: Picture, factor: float) -> Picture:
    size = (max(1, round(sprite.width * factor)), max(1, round(sprite.height * factor)))
    return sprite.resize(size, Image.Resampling.LANCZOS)


def soft(picture: Picture, radius: float) -> Picture:
    return picture.filter(ImageFilter.GaussianBlur(radius))


def painted(ground: Picture, paint: Callable[[Pen], None]) -> Picture:
    """The ground with shapes painted over all of it."""
    pen = Pen(*ground.size)
    paint(pen)
    picture = ground.copy()
    lay(picture, pen.sprite(), 0, 0)
    return picture
