"""A loading dock with a forklift."""

import math

from demo.paint import HEIGHT, WIDTH, Pen, Picture, glow, gradient, lay, mirrored, painted, shine
from demo.places.people import Clothes, Walk, draw_walks
from demo.places.vehicles import forklift

FLOOR = 470
DOORS = (110, 480, 850)
DOOR_TOP, DOOR_WIDTH = 150, 300
LIFT_HIGH = 150


class LoadingDock:
    name = "Loading dock"

    def __init__(self) -> None:
        ground = gradient(
            WIDTH, HEIGHT, (0, "#39464f"), (0.65, "#4e5d67"), (0.653, "#7d8890"), (1, "#a3adb3")
        )
        self.ground = painted(ground, _paint)
        shutter = Pen(DOOR_WIDTH, FLOOR - DOOR_TOP)
        for y in range(0, FLOOR - DOOR_TOP, 20):
            shutter.box((0, y, DOOR_WIDTH, y + 20), "#c4ccd1")
            shutter.box((0, y + 16, DOOR_WIDTH, y + 20), "#9aa5ac")
        shutter.box((0, FLOOR - DOOR_TOP - 16, DOOR_WIDTH, FLOOR - DOOR_TOP), "#f2c230")
        self.shutter = shutter.sprite()

    def picture(self, second: float) -> Picture:
        picture = self.ground.copy()
        self._door(picture, DOORS[0], 0.0)
        self._door(picture, DOORS[2], _door_openness(second))
        draw_walks(picture, WALKS, second)
        _drive(picture, second)
        return picture

    def _door(self, picture: Picture, x: int, openness: float) -> None:
        shown = round(self.shutter.height * (1 - openness))
        if shown > 0:
            picture.paste(
                self.shutter.crop(
                    (0, self.shutter.height - shown, DOOR_WIDTH, self.shutter.height)
                ),
                (x, DOOR_TOP),
            )


def _door_openness(second: float) -> float:
    """The third door goes up at second 8 and comes down at second 44."""
    return max(0.0, min(1.0, (second - 8) / 5, (49 - second) / 5))


def _drive(picture: Picture, second: float) -> None:
    """Half a minute with boxes to the right, half a minute empty to the left."""
    half, since = second // 30 % 2, second % 30
    lift = LIFT_HIGH * _bump((since - 22) / 6)
    loaded = half == 0 if since < 25 else half == 1
    part = _smooth(max(0.0, min(1.0, (since - 2) / 19)))
    beacon = second % 1 < 0.5
    sprite = forklift(round(16 + lift), loaded, beacon)
    if half == 0:
        x, lamp = -20 + part * 860, 145
    else:
        x, lamp, sprite = 840 - part * 860, 275, mirrored(sprite)
    lay(picture, sprite, x, 372)
    if beacon:
        shine(picture, glow(130, "#ffae42", 0.75), x + lamp, 372 + 46)


def _smooth(part: float) -> float:
    return part * part * (3 - 2 * part)


def _bump(part: float) -> float:
    return math.sin(math.pi * part) ** 2 if 0 < part < 1 else 0.0


def _paint(pen: Pen) -> None:
    for x in range(0, WIDTH, 28):
        pen.box((x, 0, x + 3, FLOOR), "#00000018")
    pen.box((0, 84, WIDTH, 100), "#2d383f")
    for number, x in enumerate(DOORS, 1):
        _bay(pen, number, x)
    _truck(pen, DOORS[1])
    _floor(pen)
    _shelf(pen)


def _bay(pen: Pen, number: int, x: int) -> None:
    pen.box((x - 18, DOOR_TOP - 18, x + DOOR_WIDTH + 18, FLOOR), "#20282d", 4)
    pen.box((x, DOOR_TOP, x + DOOR_WIDTH, FLOOR), "#bfe3f2")
    pen.box((x, 372, x + DOOR_WIDTH, FLOOR), "#93a3a0")
    pen.disc((x + 90, 380), 56, "#7fae84")
    pen.disc((x + 200, 392), 44, "#6d9d75")
    pen.box((x, 402, x + DOOR_WIDTH, FLOOR), "#8f999c")
    pen.box((x + 112, 108, x + 188, 146), "#f2c230", 6)
    pen.text((x + 150, 127), str(number), 32, "#20282d")


def _truck(pen: Pen, x: int) -> None:
    """The open back of a truck in the second bay."""
    pen.box((x + 16, DOOR_TOP + 10, x + DOOR_WIDTH - 16, FLOOR - 22), "#e9edf0", 4)
    pen.box((x + 34, DOOR_TOP + 30, x + DOOR_WIDTH - 34, FLOOR - 36), "#5a4a3b")
    for row, column in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0)):
        left, top = x + 42 + 72 * column, FLOOR - 106 - 68 * row
        pen.box((left, top, left + 68, top + 64), ("#c8985c", "#b98a50", "#d3a56b")[column], 3)
        pen.box((left + 29, top, left + 39, top + 64), "#e2c592")
    pen.box((x + 8, FLOOR - 30, x + DOOR_WIDTH - 8, FLOOR - 14), "#3a424c", 3)


def _floor(pen: Pen) -> None:
    pen.box((0, FLOOR - 8, WIDTH, FLOOR + 8), "#20282d")
    for x in range(-20, WIDTH, 56):
        pen.shape(
            [(x, FLOOR + 8), (x + 28, FLOOR + 8), (x + 14, FLOOR - 8), (x - 14, FLOOR - 8)],
            "#f2c230",
        )
    for y in (520, 700):
        pen.box((0, y, WIDTH, y + 7), "#f2c23088")
    for x in range(-400, WIDTH + 400, 270):
        pen.line([(640 + (x - 640) * 0.7, FLOOR + 10), (x, HEIGHT)], "#5d676e33", 3)


def _shelf(pen: Pen) -> None:
    for x in (1196, 1268):
        pen.box((x, 180, x + 10, 560), "#2f5d8a")
    for y in (250, 370, 490):
        pen.box((1190, y, WIDTH, y + 10), "#e07b39")
        pen.box((1212, y - 62, 1262, y), "#c8985c", 3)
        pen.box((1232, y - 62, 1241, y), "#e2c592")


WALKS = (
    Walk(
        Clothes("#e8772e", "#27364a", helmet="#f4f6f8"), 6, 20, (1320, 500), (640, 492), 0.95, 0.9
    ),
    Walk(
        Clothes("#d7e046", "#33414e", helmet="#f2c230", skin="#a8744f"),
        32,
        46,
        (620, 494),
        (1330, 500),
        0.9,
        0.95,
    ),
)
