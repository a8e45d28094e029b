"""Amounts of data for people: in decimal units, as disks are sold and recorders report."""

from __future__ import annotations

from django import template

register = template.Library()

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


@register.filter
def size(count: float | str | None) -> str:
    """`1.5 GB`; an empty text for no amount."""
    if count is None or isinstance(count, str):  # templates give "" for what is not there
        return ""
    amount, unit = float(count), 0
    while amount >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.0f} {_UNITS[unit]}" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"
