"""Cars, a van and a forklift, seen from the side, driving to the right; `mirrored` drives left."""

from functools import lru_cache

from demo.paint import Pen, Picture

CAR_WIDTH, CAR_HEIGHT = 250, 96
TYRE, RIM = "#15181d", "#9aa3ad"
GLASS, GLASS_LIGHT = "#27384a", "#46617a"


@lru_cache
def car(body: str, shade: str, lit: bool = False) -> Picture:
    """A car; `lit` has its lamps on."""
    pen = Pen(CAR_WIDTH, CAR_HEIGHT)
    pen.oval((10, 82, 242, 95), "#00000050")
    cabin = [(52, 40), (84, 9), (92, 6), (158, 6), (166, 9), (204, 40)]
    pen.shape(cabin, body)
    pen.shape([(68, 39), (94, 14), (122, 14), (122, 39)], GLASS)
    pen.shape([(130, 39), (130, 14), (156, 14), (187, 39)], GLASS)
    pen.shape([(68, 39), (94, 14), (104, 14), (80, 39)], GLASS_LIGHT)
    pen.shape([(130, 39), (130, 14), (138, 14), (158, 39)], GLASS_LIGHT)
    pen.box((8, 37, 242, 76), body, 14)
    pen.box((8, 62, 242, 78), shade, 8)
    pen.box((116, 46, 130, 50), shade, 2)
    pen.box((226, 46, 242, 57), "#fff6d0" if lit else "#e7ecef", 4)
    pen.box((8, 46, 20, 58), "#ff4438" if lit else "#a8322c", 3)
    for x in (58, 192):
        _wheel(pen, x, 75, 19)
    return pen.sprite()


@lru_cache
def van(body: str, stripe: str) -> Picture:
    """A delivery van."""
    pen = Pen(320, 150)
    pen.oval((10, 136, 312, 149), "#00000050")
    pen.box((8, 8, 236, 128), body, 12)
    pen.shape([(220, 20), (256, 20), (296, 66), (312, 76), (312, 128), (220, 128)], body)
    pen.shape([(238, 30), (254, 30), (284, 64), (238, 64)], GLASS)
    pen.shape([(238, 30), (247, 30), (262, 64), (238, 64)], GLASS_LIGHT)
    pen.box((8, 78, 236, 96), stripe, 0)
    pen.box((8, 114, 312, 130), "#3a424c", 6)
    pen.box((296, 88, 312, 102), "#fff6d0", 4)
    pen.box((8, 84, 15, 108), "#c0392b", 2)
    for x in (70, 256):
        _wheel(pen, x, 124, 23)
    return pen.sprite()


def _wheel(pen: Pen, x: float, y: float, radius: float) -> None:
    pen.disc((x, y), radius, TYRE)
    pen.disc((x, y), radius * 0.58, RIM)
    pen.disc((x, y), radius * 0.2, TYRE)


@lru_cache
def parked(body: str, shade: str) -> Picture:
    """A parked car from the front."""
    pen = Pen(112, 92)
    pen.oval((6, 80, 106, 91), "#00000055")
    pen.box((14, 62, 32, 88), TYRE, 5)
    pen.box((80, 62, 98, 88), TYRE, 5)
    pen.shape([(20, 40), (32, 10), (38, 6), (74, 6), (80, 10), (92, 40)], body)
    pen.shape([(27, 38), (37, 14), (75, 14), (85, 38)], GLASS)
    pen.shape([(27, 38), (37, 14), (52, 14), (40, 38)], GLASS_LIGHT)
    pen.box((8, 36, 104, 76), body, 12)
    pen.box((8, 62, 104, 78), shade, 6)
    pen.box((38, 48, 74, 56), "#20262e", 3)
    pen.box((42, 64, 70, 73), "#e8ebee", 2)
    for x in (22, 90):
        pen.disc((x, 51), 8, "#dfe6ea")
    return pen.sprite()


@lru_cache
def forklift(lift: int, loaded: bool, beacon: bool) -> Picture:
    """A forklift with its fork `lift` pixels above the ground, with or without boxes on it."""
    pen = Pen(420, 300)
    pen.oval((10, 284, 300, 299), "#00000050")
    pen.line([(78, 168), (92, 60), (196, 60), (214, 168)], "#2b3038", 9)
    pen.box((84, 50, 206, 62), "#2b3038", 5)
    pen.disc((145, 46), 9, "#ffb347" if beacon else "#a65d12")
    _driver(pen)
    pen.box((24, 170, 226, 262), "#f5a623", 20)
    pen.box((24, 232, 226, 264), "#c97f10", 14)
    pen.box((40, 186, 92, 206), "#2b3038", 6)
    pen.box((238, 34, 250, 270), "#3a424c", 3)
    pen.box((256, 46, 264, 270), "#59636f", 3)
    fork = 272 - lift
    pen.box((236, fork - 66, 270, fork), "#3a424c", 4)
    pen.box((262, fork - 8, 396, fork), "#20242c", 3)
    if loaded:
        _pallet(pen, 268, fork - 8)
    _wheel(pen, 76, 256, 32)
    _wheel(pen, 206, 260, 28)
    return pen.sprite()


def _driver(pen: Pen) -> None:
    pen.box((100, 106, 140, 176), "#2f7d5b", 14)
    pen.disc((124, 90), 16, "#d9a57f")
    pen.shape([(104, 88), (108, 76), (120, 70), (134, 74), (144, 88)], "#f4f6f8")
    pen.line([(124, 122), (150, 140), (172, 132)], "#2f7d5b", 11)
    pen.line([(170, 150), (178, 120)], "#20242c", 6)


def _pallet(pen: Pen, left: float, ground: float) -> None:
    pen.box((left, ground - 14, left + 124, ground), "#9c7443", 2)
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        x, y = left + 2 + 61 * column, ground - 14 - 56 * (row + 1)
        pen.box((x, y, x + 59, y + 54), "#c8985c" if row else "#b98a50", 3)
        pen.box((x + 25, y, x + 34, y + 54), "#e2c592", 0)
