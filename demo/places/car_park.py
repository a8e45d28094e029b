"""A car park at dusk."""

import math
import random

from demo.paint import (
    HEIGHT,
    WIDTH,
    Pen,
    Picture,
    beam,
    glow,
    gradient,
    lay,
    mirrored,
    painted,
    scaled,
    shine,
    soft,
    stand,
)
from demo.places.people import Clothes, Walk, draw_walks
from demo.places.vehicles import car, parked

HORIZON = 300
PARKED = (
    ("#8c2f39", "#6b222b"),
    ("#d8dde3", "#a9b0b8"),
    ("#2f4b6e", "#223751"),
    ("#3d4148", "#2a2d33"),
    ("#6f8f72", "#526b55"),
    ("#c9b458", "#9f8d40"),
    ("#e6e9ec", "#b4bac0"),
    ("#51617a", "#3c4960"),
)
LAMPS = (150, 560, 970)


class CarPark:
    name = "Car park"

    def __init__(self) -> None:
        ground = gradient(
            WIDTH,
            HEIGHT,
            (0, "#1d2350"),
            (0.2, "#5d3f7d"),
            (0.34, "#e07a5f"),
            (0.42, "#f6c177"),
            (0.421, "#3a3d4d"),
            (1, "#22242e"),
        )
        self.ground = painted(ground, _paint)
        for number, x in enumerate(range(70, WIDTH, 148)):
            if number != 5:
                stand(self.ground, parked(*PARKED[number % len(PARKED)]), x, 424)
        for x in LAMPS:
            shine(self.ground, glow(170, "#ffdf9e", 0.55), x, 176)
            lay(self.ground, soft(glow(240, "#ffdf9e", 0.28).resize((480, 110)), 2), x - 240, 420)
        right, left = car("#c8553d", "#993d2b", lit=True), car("#3f88c5", "#2d6796", lit=True)
        self.near, self.far = right, scaled(mirrored(left), 0.8)
        self.white = scaled(mirrored(car("#e9ecef", "#b7bdc4", lit=True)), 0.8)
        self.green = car("#4f8a6b", "#39674f", lit=True)
        self.beam_right, self.beam_left = (
            beam(300, 90, "#fff2c2"),
            mirrored(beam(240, 72, "#fff2c2")),
        )

    def picture(self, second: float) -> Picture:
        picture = self.ground.copy()
        self._drive_left(picture, self.far, second - 4)
        self._drive_left(picture, self.white, second - 33)
        draw_walks(picture, WALKS, second)
        self._drive_right(picture, self.near, second)
        self._drive_right(picture, self.green, second - 25)
        return picture

    def _drive_right(self, picture: Picture, sprite: Picture, since_s: float) -> None:
        x = -300 + _eased(since_s % 60 / 13) * (WIDTH + 700)
        if x < WIDTH + 40:
            lay(picture, self.beam_right, x + 240, 570)
            stand(picture, sprite, x + 125, 652 + math.sin(since_s * 9))

    def _drive_left(self, picture: Picture, sprite: Picture, since_s: float) -> None:
        x = WIDTH + 260 - _eased(since_s % 60 / 15) * (WIDTH + 620)
        if x > -240:
            lay(picture, self.beam_left, x - 235, 462)
            stand(picture, sprite, x + 100, 524)


def _eased(part: float) -> float:
    """Drive on at 1.0, a little slower in the middle, where people cross."""
    return part - 0.11 * math.sin(math.tau * min(part, 1)) / math.tau * 2


def _paint(pen: Pen) -> None:
    random.seed(7)
    _skyline(pen)
    pen.box((0, HORIZON - 6, WIDTH, HORIZON + 44), "#2c3a3a")
    for x in range(-20, WIDTH, 34):
        pen.disc((x, HORIZON - 2), random.randint(18, 30), random.choice(("#2c3a3a", "#33443f")))
    pen.box((0, 338, WIDTH, 346), "#6a6d7a")
    for x in range(-4, WIDTH + 148, 148):
        pen.shape([(x - 2, 346), (x + 3, 346), (x + 5, 430), (x - 1, 430)], "#c9ccd6aa")
    pen.box((0, 536, WIDTH, 540), "#d7b25a99")
    for x in range(0, WIDTH, 120):
        pen.box((x, 672, x + 64, 678), "#d9dce4aa", 3)
    for x in LAMPS:
        pen.box((x - 3, 176, x + 3, 352), "#171a24", 2)
        pen.box((x - 30, 168, x + 30, 178), "#171a24", 5)
        pen.box((x - 24, 177, x + 24, 182), "#fff1cc", 2)


def _skyline(pen: Pen) -> None:
    x = -10
    while x < WIDTH:
        width, top = random.randint(60, 120), random.randint(110, 250)
        pen.box((x, top, x + width, HORIZON + 20), random.choice(("#33305a", "#3b3563", "#2b2a50")))
        for wx in range(x + 10, x + width - 12, 18):
            for wy in range(top + 12, HORIZON - 16, 22):
                if random.random() < 0.42:
                    pen.box(
                        (wx, wy, wx + 8, wy + 11), random.choice(("#ffd98a", "#ffe9b8", "#e0b36a"))
                    )
        x += width + random.randint(-6, 14)


WALKS = (
    Walk(Clothes("#d1495b", "#2e3047"), 14, 24, (665, 430), (740, 610), 0.45, 0.8),
    Walk(Clothes("#edae49", "#30343f", hair="#201a17"), 40, 54, (520, 700), (830, 436), 0.9, 0.45),
    Walk(Clothes("#66a182", "#23395b"), 5, 21, (-30, 448), (500, 448), 0.45, 0.45),
)
