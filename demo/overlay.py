"""What is burnt into every picture: the camera's name, a clock, and the frame number in blocks.

The frame number is how a program reads the time from pixels: ten blocks in a row at the upper
middle, the most significant bit first, white for 1 and black for 0, on a grey plate. The number
counts the frames of the minute, 0 to 899, at 15 frames a second. In fractions of the picture's
width and height, block `i` (0 to 9) reaches from x = 0.35 + 0.03 i to 0.35 + 0.03 (i + 1), and
from y = 0.05 to 0.11. Judge the middle of a block by brightness above or below one half: a block
is 19 x 21 pixels in the SD picture. Latency in seconds is then (now - number / 15) mod 60.
"""

import math
from functools import lru_cache

import numpy as np
from PIL import ImageDraw

from demo.paint import HEIGHT, WIDTH, Pen, Picture, font, lay

FPS = 15
LOOP_S = 60
LOOP_FRAMES = FPS * LOOP_S

BITS = 10
STRIP_X, STRIP_Y = 0.35, 0.05
BLOCK_WIDTH, BLOCK_HEIGHT = 0.03, 0.06

PLATE = "#10182899"
CLOCK_SIZE = (296, 92)
DIAL_CENTRE, DIAL_RADIUS = (46.0, 46.0), 34.0
DIGITS_BASE = (92, 74)
# The default font's digits are not all equally wide; a clock whose digits dance is hard to read.
DIGIT_WIDTH = 42
NARROW_WIDTH = 22


def burn_in(picture: Picture, name: Picture, frame: int) -> None:
    """Burn the name plate, the clock and the frame number into one picture."""
    lay(picture, name, 24, 24)
    lay(picture, clock(frame), WIDTH - CLOCK_SIZE[0] - 24, 24)
    _strip(ImageDraw.Draw(picture), frame)


def name_plate(words: str) -> Picture:
    """The camera's name on a dark plate, as cameras burn it in."""
    width = round(font(34).getlength(words)) + 40
    pen = Pen(width, 58)
    pen.box((0, 0, width, 58), PLATE, 12)
    pen.text((20, 29), words, 34, "#ffffff", anchor="lm")
    return pen.sprite()


@lru_cache(maxsize=LOOP_FRAMES)
def clock(frame: int) -> Picture:
    """Seconds of the minute in digits and as a sweeping hand."""
    face = _dial().copy()
    pen = Pen(92, 92)
    angle = math.tau * frame / LOOP_FRAMES
    pen.line([_on_dial(angle, -8), _on_dial(angle, DIAL_RADIUS - 6)], "#ffb020", 4)
    pen.disc(DIAL_CENTRE, 4.5, "#ffb020")
    face.alpha_composite(pen.sprite())
    _digits(face, f":{frame // FPS:02d}.{frame % FPS * 10 // FPS}")
    return face


@lru_cache
def _dial() -> Picture:
    pen = Pen(*CLOCK_SIZE)
    pen.box((0, 0, *CLOCK_SIZE), PLATE, 14)
    for mark in range(12):
        angle = math.tau * mark / 12
        pen.line([_on_dial(angle, DIAL_RADIUS - 4), _on_dial(angle, DIAL_RADIUS)], "#ffffff", 3)
    return pen.sprite()


def _on_dial(angle: float, radius: float) -> tuple[float, float]:
    x, y = DIAL_CENTRE
    return x + math.sin(angle) * radius, y - math.cos(angle) * radius


def _digits(face: Picture, words: str) -> None:
    x, base = DIGITS_BASE
    draw = ImageDraw.Draw(face)
    for sign in words:
        width = DIGIT_WIDTH if sign.isdigit() else NARROW_WIDTH
        draw.text((x + width / 2, base), sign, font=font(68), fill="#ffffff", anchor="ms")
        x += width


def _strip(draw: ImageDraw.ImageDraw, frame: int) -> None:
    left, top = STRIP_X * WIDTH, STRIP_Y * HEIGHT
    width, height = BLOCK_WIDTH * WIDTH, BLOCK_HEIGHT * HEIGHT
    draw.rectangle((left - 8, top - 8, left + BITS * width + 7, top + height + 7), fill="#7f7f7f")
    for bit in range(BITS):
        colour = "#ffffff" if frame >> (BITS - 1 - bit) & 1 else "#000000"
        x = left + bit * width
        draw.rectangle((round(x), top, round(x + width) - 1, top + height - 1), fill=colour)


def frame_number(picture: Picture) -> int:
    """Read the frame number from a picture of any size. The reverse of what `burn_in` draws."""
    grey = np.asarray(picture.convert("L"))
    height, width = grey.shape
    rows = slice(
        round((STRIP_Y + 0.25 * BLOCK_HEIGHT) * height),
        round((STRIP_Y + 0.75 * BLOCK_HEIGHT) * height),
    )
    number = 0
    for bit in range(BITS):
        left = STRIP_X + (bit + 0.25) * BLOCK_WIDTH
        columns = slice(round(left * width), round((left + BLOCK_WIDTH / 2) * width))
        number = number << 1 | int(grey[rows, columns].mean() > 127)
    return number
