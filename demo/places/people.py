"""Walking people."""

import math
from dataclasses import dataclass
from functools import cache

from demo.paint import Pen, Picture, mirrored, scaled, stand

STEPS = 12
WALK_CYCLE_S = 1.0


@dataclass(frozen=True)
class Clothes:
    coat: str
    trousers: str
    hair: str = "#3b2a20"
    skin: str = "#e0b08c"
    helmet: str = ""


@cache
def _walker(clothes: Clothes, step: int) -> Picture:
    """A person of 180 pixels who walks to the right, in one of STEPS positions."""
    pen = Pen(110, 190)
    swing = math.sin(math.tau * step / STEPS)
    bob = abs(swing) * 3
    hip, shoulder = (55, 108 + bob), (55, 52 + bob)
    pen.oval((24, 178, 86, 188), "#00000038")
    _leg(pen, hip, -swing, _darker(clothes.trousers))
    _arm(pen, shoulder, swing, _darker(clothes.coat), clothes.skin)
    _leg(pen, hip, swing, clothes.trousers)
    pen.box((38, 42 + bob, 72, 116 + bob), clothes.coat, 15)
    pen.disc((57, 22 + bob), 16, clothes.skin)
    pen.shape(_cap(bob), clothes.helmet or clothes.hair)
    _arm(pen, shoulder, -swing, clothes.coat, clothes.skin)
    return pen.sprite()


def _cap(bob: float) -> list[tuple[float, float]]:
    round_top = [math.pi + math.pi * part / 16 for part in range(17)]
    top = [(56 + 18 * math.cos(a), 21 + bob + 18 * math.sin(a)) for a in round_top]
    return [*top, (64, 20 + bob), (46, 28 + bob), (38, 27 + bob)]


def _leg(pen: Pen, hip: tuple[float, float], swing: float, colour: str) -> None:
    x, y = hip
    knee = (x + swing * 15 + 3, y + 36)
    foot = (x + swing * 27 - max(0, -swing) * 6, y + 70 - max(0, -swing) * 5)
    pen.line([(x, y), knee, foot], colour, 15)
    pen.line([foot, (foot[0] + 11, foot[1] + 1)], "#20242c", 9)


def _arm(pen: Pen, shoulder: tuple[float, float], swing: float, colour: str, skin: str) -> None:
    x, y = shoulder
    elbow = (x + swing * 13, y + 29)
    hand = (x + swing * 26 + 5, y + 52)
    pen.line([(x, y + 4), elbow, hand], colour, 11)
    pen.disc(hand, 6, skin)


def _darker(colour: str) -> str:
    parts = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{int(part * 0.78):02x}" for part in parts)


@cache
def _sized_walker(clothes: Clothes, step: int, tenths: int, left: bool) -> Picture:
    sprite = scaled(_walker(clothes, step), tenths / 20)
    return mirrored(sprite) if left else sprite


@dataclass(frozen=True)
class Walk:
    """One person's way: from one point to another between two seconds of the minute."""

    clothes: Clothes
    start_s: float
    end_s: float
    start: tuple[float, float]
    end: tuple[float, float]
    start_size: float = 1.0
    end_size: float = 1.0

    def part(self, second: float) -> float | None:
        """How much of the way is behind the person, 0 to 1; None while not in the picture."""
        done = ((second - self.start_s) % 60) / ((self.end_s - self.start_s) % 60)
        return done if done <= 1 else None

    def ground(self, second: float) -> float | None:
        """Where the feet are, from above: who is lower in the picture is drawn later."""
        part = self.part(second)
        return None if part is None else _between(self.start[1], self.end[1], part)

    def draw(self, picture: Picture, second: float) -> None:
        part = self.part(second)
        if part is None:
            return
        size = _between(self.start_size, self.end_size, part)
        step = int(second / WALK_CYCLE_S * STEPS) % STEPS
        left = self.end[0] < self.start[0]
        sprite = _sized_walker(self.clothes, step, round(size * 20), left)
        x = _between(self.start[0], self.end[0], part)
        stand(picture, sprite, x, _between(self.start[1], self.end[1], part))


def draw_walks(picture: Picture, walks: tuple[Walk, ...], second: float) -> None:
    """Draw everybody who is in the picture, the farthest first."""
    present = [(ground, walk) for walk in walks if (ground := walk.ground(second)) is not None]
    for _, walk in sorted(present, key=lambda pair: pair[0]):
        walk.draw(picture, second)


def _between(start: float, end: float, part: float) -> float:
    return start + (end - start) * part
