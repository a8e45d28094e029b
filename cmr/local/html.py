"""HTML of the recorder's own pages: templates with `{name}` places, filled with escaped text.

There is no portal, and so no Django, on a recorder. Only `Markup` is put in as it is: names of
cameras and accounts are text whatever characters they have (K4, B1).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from html import escape
from pathlib import Path

TEMPLATES = Path(__file__).with_name("templates")


class Markup(str):
    """HTML that was made here."""

    __slots__ = ()


def render(template: str, **values: object) -> Markup:
    """The template file `template`.html with these values; a missing one raises KeyError."""
    return fill(_template(template), **values)


def fill(template: str, **values: object) -> Markup:
    """`{name}` of a template replaced by values: escaped, unless they are Markup."""
    return Markup(template.format_map({name: _text(value) for name, value in values.items()}))


def join(parts: Iterable[Markup]) -> Markup:
    return Markup("".join(parts))


def _text(value: object) -> str:
    return value if isinstance(value, Markup) else escape(str(value))


@cache
def _template(name: str) -> str:
    return (TEMPLATES / f"{name}.html").read_text()
