"""A street crossing by day: the lights let cars and people go in turn."""

import random

from demo.paint import (
    HEIGHT,
    WIDTH,
    Pen,
    Picture,
    glow,
    gradient,
    mirrored,
    painted,
    scaled,
    shine,
    stand,
)
from demo.places.people import Clothes, Walk, draw_walks
from demo.places.vehicles import car, van

KERB = 420
ROAD_END = 660
STOP_RIGHT, STOP_LEFT = 430, 850
GREEN_S, AMBER_S, PERIOD_S = 14.0, 16.0, 30.0
SPEED = 230.0
BRAKE_S = 2.0


class Crossing:
    name = "Street crossing"

    def __init__(self) -> None:
        ground = gradient(
            WIDTH, HEIGHT, (0, "#8ecbea"), (0.4, "#d9eff7"), (0.5, "#d9eff7"), (1, "#d9eff7")
        )
        self.ground = painted(ground, _paint)
        self.van = scaled(van("#f3f5f7", "#2a9d8f"), 0.95)
        self.taxi = car("#f2c230", "#c99a14")
        self.cars = (car("#e76f51", "#b9523a"), car("#264653", "#182e37"))
        self.far_cars = tuple(
            scaled(mirrored(car(*paint)), 0.84)
            for paint in (
                ("#f4a261", "#c57e45"),
                ("#6d8fb3", "#506d8c"),
                ("#e9ecef", "#b7bdc4"),
                ("#a44a5f", "#7d3346"),
            )
        )

    def picture(self, second: float) -> Picture:
        picture = self.ground.copy()
        _light(picture, 372, 250, second)
        _light(picture, 908, 250, second)
        for sprite, start_s in zip(self.far_cars, (1.0, 16.6, 35.0, 46.4), strict=True):
            x = WIDTH - _driven(second, start_s, WIDTH - STOP_LEFT - 110)
            _stand_inside(picture, sprite, x, 524)
        draw_walks(picture, WALKS, second)
        for sprite, start_s in zip(
            (*self.cars, self.van, self.taxi), (5.0, 38.5, 15.4, 47.2), strict=True
        ):
            x = _driven(second, start_s, STOP_RIGHT - 140)
            _stand_inside(picture, sprite, x, 636)
        return picture


def _stand_inside(picture: Picture, sprite: Picture, x: float, y: float) -> None:
    if -sprite.width < x < WIDTH + sprite.width:
        stand(picture, sprite, x, y)


def _driven(second: float, start_s: float, stop_at: float) -> float:
    """How far a car has come that enters at `start_s`, in pixels; it waits at red at `stop_at`."""
    since = (second - start_s) % 60
    free = since * SPEED - 200
    reaches_s = start_s % PERIOD_S + (stop_at + 200) / SPEED
    if reaches_s < AMBER_S or free < stop_at - SPEED * BRAKE_S / 2:
        return free
    brakes_s = (stop_at + 200 - SPEED * BRAKE_S / 2) / SPEED
    goes_s = PERIOD_S - start_s % PERIOD_S + 0.4
    if since < brakes_s + BRAKE_S:
        part = since - brakes_s
        return stop_at - SPEED * BRAKE_S / 2 + SPEED * part - SPEED * part * part / (2 * BRAKE_S)
    if since < goes_s:
        return stop_at
    part = since - goes_s
    rolling = min(part, BRAKE_S)
    return stop_at + SPEED * rolling * rolling / (2 * BRAKE_S) + SPEED * (part - rolling)


def _light(picture: Picture, x: int, y: int, second: float) -> None:
    """The lamp that is on: green, amber, red, and red with amber before green."""
    at = second % PERIOD_S
    if at < GREEN_S:
        shine(picture, glow(34, "#3dff8b", 1.0), x, y + 34)
    elif at < AMBER_S or at > PERIOD_S - 1:
        shine(picture, glow(34, "#ffc53d", 1.0), x, y)
    if at >= AMBER_S:
        shine(picture, glow(34, "#ff4d4f", 1.0), x, y - 34)


def _paint(pen: Pen) -> None:
    random.seed(3)
    for x, y in ((140, 70), (620, 50), (1040, 96)):
        for part in range(4):
            pen.oval((x + part * 34, y - 14 * (part % 2), x + 80 + part * 34, y + 34), "#ffffffcc")
    x = -30
    for number in range(6):
        width = (250, 210, 232, 200, 260, 230)[number]
        _house(pen, x, width, number)
        x += width
    pen.box((0, KERB - 56, WIDTH, KERB), "#c9c2b8")
    for tile in range(0, WIDTH, 64):
        pen.box((tile, KERB - 56, tile + 2, KERB), "#b3aba0")
    pen.box((0, KERB, WIDTH, KERB + 10), "#9a938a")
    pen.box((0, KERB + 10, WIDTH, ROAD_END), "#565b63")
    pen.box((0, ROAD_END, WIDTH, ROAD_END + 8), "#9a938a")
    pen.box((0, ROAD_END + 8, WIDTH, HEIGHT), "#c9c2b8")
    _marks(pen)
    for place in (40, 1150):
        _tree(pen, place)
    for place in (372, 908):
        pen.box((place - 4, 290, place + 4, KERB - 8), "#2b3038")
        pen.box((place - 22, 192, place + 22, 308), "#20252c", 10)
        for lamp, colour in ((216, "#5a2326"), (250, "#5c4a22"), (284, "#1f4a31")):
            pen.disc((place, lamp), 13, colour)


def _house(pen: Pen, x: int, width: int, number: int) -> None:
    wall = ("#d98f6c", "#e8d3a9", "#9fb8ad", "#c97f7f", "#b8c4d6", "#e0b98a")[number]
    top = (120, 170, 96, 150, 132, 110)[number]
    pen.box((x, top, x + width, KERB - 40), wall)
    pen.box((x - 4, top - 10, x + width + 4, top + 6), "#6b5b53", 3)
    for wx in range(x + 26, x + width - 40, 56):
        for wy in range(top + 28, 276, 64):
            pen.box((wx - 3, wy - 3, wx + 33, wy + 43), "#f7f3ec", 3)
            pen.box((wx, wy, wx + 30, wy + 40), random.choice(("#51708c", "#5f83a3", "#46627c")))
            pen.shape([(wx, wy + 18), (wx + 14, wy), (wx + 22, wy), (wx, wy + 28)], "#ffffff44")
    pen.box((x + 16, 306, x + width - 16, KERB - 56), "#3d4a57", 4)
    pen.box((x + 24, 316, x + width - 60, KERB - 64), "#ffe7b3")
    awning = ("#b23a48", "#2a6f77", "#e09f3e", "#335c67", "#9e2a2b", "#386641")[number]
    for part, left in enumerate(range(x + 10, x + width - 10, 20)):
        right = min(left + 20, x + width - 10)
        pen.box((left, 288, right, 322), awning if part % 2 else "#f6f1e7", 5)


def _marks(pen: Pen) -> None:
    for y in range(KERB + 16, ROAD_END - 10, 34):
        lean = (y - KERB) * 0.06
        pen.shape(
            [(520 - lean, y), (760 + lean, y), (762 + lean, y + 18), (518 - lean, y + 18)],
            "#eef0f2",
        )
    for x in [*range(0, 400, 110), *range(880, WIDTH, 110)]:
        pen.box((x, 540, x + 60, 546), "#e8e9eb", 3)
    pen.shape(
        [
            (STOP_RIGHT + 8, 546),
            (STOP_RIGHT + 22, 546),
            (STOP_RIGHT + 14, ROAD_END),
            (STOP_RIGHT, ROAD_END),
        ],
        "#eef0f2",
    )
    pen.shape(
        [
            (STOP_LEFT - 8, KERB + 10),
            (STOP_LEFT + 4, KERB + 10),
            (STOP_LEFT + 10, 540),
            (STOP_LEFT - 4, 540),
        ],
        "#eef0f2",
    )


def _tree(pen: Pen, x: float) -> None:
    pen.box((x + 34, 250, x + 46, KERB - 20), "#6f4e37")
    for dx, dy, radius in ((40, 190, 62), (4, 220, 44), (78, 222, 46), (40, 240, 44)):
        pen.disc((x + dx, dy), radius, "#5f9e5b")
    for dx, dy, radius in ((28, 176, 34), (66, 200, 26)):
        pen.disc((x + dx, dy), radius, "#7bb86f")


WALKS = (
    Walk(Clothes("#264653", "#3a3a3a"), 17.5, 24.5, (590, 414), (600, 690), 0.62, 1.05),
    Walk(
        Clothes("#e9c46a", "#5b4b8a", hair="#8c5a2b"),
        18.5,
        26.0,
        (700, 694),
        (690, 412),
        1.05,
        0.62,
    ),
    Walk(
        Clothes("#e76f51", "#2b3a55", skin="#8d5a3b", hair="#1c1410"),
        47.5,
        55,
        (640, 414),
        (650, 690),
        0.62,
        1.05,
    ),
    Walk(Clothes("#2a9d8f", "#343a40"), 48.5, 56.5, (740, 692), (610, 412), 1.05, 0.62),
    Walk(Clothes("#8a5a83", "#2f3e46"), 2, 26, (-40, 404), (1320, 404), 0.62, 0.62),
    Walk(Clothes("#5e81ac", "#3b4252"), 30, 52, (1320, 410), (-40, 410), 0.64, 0.64),
)
