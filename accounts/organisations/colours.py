"""Accent colours of a brand: made readable, with what a style sheet derives from them. Pure.

Contrast as WCAG 2.2 counts it (§1.4.3): text needs 4.5 : 1. The accent is text on every surface of
its theme (links), and carries text itself (buttons).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

READABLE = 4.5
_HEX = re.compile(r"#[0-9a-f]{6}")
_STEPS = 64  # towards black or white; a step of 1/64 is hardly seen

Rgb = tuple[float, float, float]  # each from 0 to 255


@dataclass(frozen=True)
class Theme:
    """What an accent stands on (static/css/tokens.css), and what it is moved towards."""

    name: str
    surfaces: tuple[str, ...]
    far: str  # the end at which everything is readable
    usual: str


LIGHT = Theme("light", ("#ffffff", "#f6f7f9", "#f0f2f5", "#eef0f3"), "#000000", "#0b6a86")
DARK = Theme("dark", ("#161b21", "#0e1216", "#1d242b", "#1f262e"), "#ffffff", "#58c1de")


@dataclass(frozen=True)
class Shades:
    """The accent of one theme and what goes with it."""

    accent: str
    strong: str  # under the pointer, and on `soft`
    soft: str  # behind messages and tags
    text: str  # on the accent


def is_colour(text: str) -> bool:
    """`#rrggbb`, in lower case."""
    return bool(_HEX.fullmatch(text))


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black on white)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def readable(colour: str, theme: Theme) -> str:
    """The colour, or the nearest one towards black or white that can be read in the theme."""
    steps = (mix(colour, theme.far, step / _STEPS) for step in range(_STEPS + 1))
    return next(found for found in steps if _is_readable(found, theme))


def shades(accent: str, theme: Theme) -> Shades:
    """Of an accent as `readable` gives it."""
    strong = mix(accent, theme.far, 0.22)
    texts = ("#ffffff", mix(accent, "#000000", 0.85))
    text = max(texts, key=lambda colour: min(contrast(colour, accent), contrast(colour, strong)))
    return Shades(accent, strong, mix(theme.surfaces[0], accent, 0.12), text)


def mix(one: str, other: str, share: float) -> str:
    """`share` 0 is the one, 1 the other."""
    pairs = zip(_rgb(one), _rgb(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _is_readable(accent: str, theme: Theme) -> bool:
    found = shades(accent, theme)
    pairs = [(accent, surface) for surface in theme.surfaces]
    pairs += [(found.text, accent), (found.text, found.strong), (found.strong, found.soft)]
    return all(contrast(*pair) >= READABLE for pair in pairs)


def _rgb(colour: str) -> Rgb:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return red, green, blue


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in _rgb(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
