"""The lobby of an office building."""

from demo.paint import (
    HEIGHT,
    WIDTH,
    Pen,
    Picture,
    glow,
    gradient,
    lay,
    painted,
    scaled,
    shine,
    soft,
    upside_down,
)
from demo.places.people import Clothes, Walk, draw_walks

FLOOR = 430
LIFTS = (960, 1120)
LIFT_TOP, LIFT_WIDTH = 190, 116
LAMPS = (300, 520, 740)


class Lobby:
    name = "Lobby"

    def __init__(self) -> None:
        ground = gradient(
            WIDTH, HEIGHT, (0, "#efe6da"), (0.59, "#e2d4c1"), (0.598, "#b9a68f"), (1, "#d9cbb8")
        )
        self.ground = painted(ground, _paint)
        self._reflect()
        for x in LAMPS:
            shine(self.ground, glow(120, "#fff0c9", 0.8), x, 138)
        self.front = Pen(WIDTH, HEIGHT)
        _plant(self.front, 70, 690, 1.5)
        self.plant = scaled(self.front.sprite().crop((0, 380, 200, HEIGHT)), 1)
        door = Pen(LIFT_WIDTH // 2, FLOOR - LIFT_TOP)
        door.box((0, 0, LIFT_WIDTH / 2, FLOOR - LIFT_TOP), "#a9b3bc")
        door.box((4, 0, 12, FLOOR - LIFT_TOP), "#c3cbd2")
        self.door = door.sprite()

    def _reflect(self) -> None:
        """A polished floor: the wall above it, upside down and pale."""
        wall = upside_down(self.ground.crop((0, FLOOR - 230, WIDTH, FLOOR)))
        lay(self.ground, _faded(soft(wall, 5)), 0, FLOOR + 4)

    def picture(self, second: float) -> Picture:
        picture = self.ground.copy()
        for x, opens_s in zip(LIFTS, (10.0, 38.0), strict=True):
            self._lift(picture, x, _openness(second - opens_s))
        draw_walks(picture, WALKS, second)
        lay(picture, self.plant, 0, 380)
        return picture

    def _lift(self, picture: Picture, x: int, openness: float) -> None:
        half = LIFT_WIDTH // 2
        shown = max(1, round(half * (1 - 0.92 * openness)))
        left = self.door.crop((half - shown, 0, half, self.door.height))
        right = self.door.crop((0, 0, shown, self.door.height))
        picture.paste(left, (x - half, LIFT_TOP))
        picture.paste(right, (x + half - shown, LIFT_TOP))


def _openness(since_s: float) -> float:
    """A lift's doors: open within 1.5 s, stay, and close from the sixth second on."""
    since_s %= 60
    return max(0.0, min(1.0, since_s / 1.5, (7.5 - since_s) / 1.5))


def _faded(picture: Picture) -> Picture:
    fade = gradient(picture.width, picture.height, (0, "#585858"), (1, "#000000")).convert("L")
    picture = picture.convert("RGBA")
    picture.putalpha(fade)
    return picture


def _paint(pen: Pen) -> None:
    _windows(pen)
    for x in LIFTS:
        half = LIFT_WIDTH / 2
        pen.box((x - half - 14, LIFT_TOP - 14, x + half + 14, FLOOR), "#8b7a66", 4)
        pen.box((x - half, LIFT_TOP, x + half, FLOOR), "#4b4238")
        pen.box((x - half, LIFT_TOP, x + half, LIFT_TOP + 90), "#f3e3bf66")
        pen.box((x - 22, LIFT_TOP - 50, x + 22, LIFT_TOP - 26), "#2c2722", 5)
        pen.shape([(x - 7, LIFT_TOP - 34), (x, LIFT_TOP - 43), (x + 7, LIFT_TOP - 34)], "#ffb347")
    for x in LAMPS:
        pen.line([(x, 0), (x, 110)], "#5a4d40", 3)
        pen.shape([(x - 30, 138), (x - 14, 108), (x + 14, 108), (x + 30, 138)], "#3d5a5b")
        pen.box((x - 28, 136, x + 28, 142), "#fff4d6", 3)
    _tiles(pen)
    _desk(pen)
    _plant(pen, 866, 452, 0.8)


def _windows(pen: Pen) -> None:
    for x in (60, 190, 320, 450):
        pen.box((x, 90, x + 118, FLOOR - 30), "#7d9aa8", 3)
        pen.box((x + 5, 95, x + 113, FLOOR - 35), "#bfe0ee")
        pen.disc((x + 40, 350), 52, "#8fbf8a")
        pen.disc((x + 88, 366), 40, "#79ad7c")
        pen.box((x + 5, 372, x + 113, FLOOR - 35), "#9cc488")
        pen.shape([(x + 20, 95), (x + 48, 95), (x + 5, 220), (x + 5, 150)], "#ffffff55")
        pen.box((x - 2, FLOOR - 36, x + 120, FLOOR - 28), "#a08c74")


def _tiles(pen: Pen) -> None:
    for x in range(-1600, WIDTH + 1600, 160):
        pen.line([(640 + (x - 640) * 0.42, FLOOR + 4), (x, HEIGHT)], "#9d8a7433", 2)
    for y in (446, 474, 516, 574, 650):
        pen.box((0, y, WIDTH, y + 2), "#9d8a7433")


def _desk(pen: Pen) -> None:
    pen.box((600, 364, 826, 470), "#7a5c43", 8)
    pen.box((590, 352, 836, 372), "#f4efe7", 6)
    for x in range(612, 820, 22):
        pen.box((x, 380, x + 3, 462), "#66492f")
    pen.box((684, 396, 742, 432), "#3d5a5b", 8)
    pen.disc((713, 414), 10, "#e8b04a")
    pen.box((760, 312, 812, 346), "#2b2f36", 4)
    pen.box((782, 344, 790, 354), "#2b2f36")
    pen.disc((668, 300), 17, "#8d5a3b")
    pen.shape(
        [(650, 300), (654, 284), (668, 280), (682, 284), (686, 300), (676, 290), (660, 292)],
        "#241a14",
    )
    pen.box((646, 318, 690, 353), "#7c3f58", 12)


def _plant(pen: Pen, x: float, y: float, size: float) -> None:
    for lean in (-62, -40, -18, 4, 26, 48, 68):
        tip = (x + lean * size, y - (176 - abs(lean)) * size)
        middle = (x + lean * 0.28 * size, y - 96 * size)
        wide = (x + (lean * 0.45 + 14) * size, y - 112 * size)
        pen.shape([(x, y - 54 * size), middle, tip, wide], "#4d8157" if lean % 4 else "#3f6f4b")
    pen.shape(
        [
            (x - 30 * size, y - 60 * size),
            (x + 30 * size, y - 60 * size),
            (x + 22 * size, y),
            (x - 22 * size, y),
        ],
        "#d9805b",
    )
    pen.box((x - 33 * size, y - 66 * size, x + 33 * size, y - 54 * size), "#c26d49", 4)


WALKS = (
    Walk(Clothes("#2a4d69", "#1f2933"), 11, 24, (960, 436), (300, 660), 0.95, 1.7),
    Walk(Clothes("#b5473c", "#33272a", hair="#7a4a21"), 2, 16, (-60, 560), (1340, 590), 1.4, 1.5),
    Walk(
        Clothes("#e0a030", "#2d3142", skin="#9c6b4a", hair="#1a1412"),
        26,
        41,
        (1330, 500),
        (720, 486),
        1.2,
        1.15,
    ),
    Walk(Clothes("#4f7c6a", "#39424e", skin="#c98f6a"), 28, 40, (200, 700), (1118, 440), 1.8, 0.95),
    Walk(Clothes("#6d597a", "#2b2d42", hair="#c9a15b"), 44, 58, (1340, 640), (-80, 620), 1.6, 1.6),
)
